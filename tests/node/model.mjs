// What an exported module and the JavaScript around it give: node model.mjs MODULE ASSETS < calls
// Writes, for each call [function, ...arguments], what it returns; the argument "MODEL" is the model.
import {readFileSync} from 'node:fs';
import {pathToFileURL} from 'node:url';

const [path, assets] = process.argv.slice(2);
const inner = ['model', 'strokes'].map((name) => import(pathToFileURL(`${assets}/${name}.mjs`)));
const module = await import(pathToFileURL(path));
const functions = Object.assign({}, ...await Promise.all(inner), module);
const model = module.load();
const call = ([name, ...rest]) =>
  functions[name](...rest.map((argument) => (argument === 'MODEL' ? model : argument)));
console.log(JSON.stringify(JSON.parse(readFileSync(0)).map(call)));
