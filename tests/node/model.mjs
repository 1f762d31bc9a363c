// Calls an exported module and the JavaScript around it: node model.mjs MODULE ASSETS < calls
// Writes, for each call [function, ...arguments], its result, all values for a generator,
// or {error}; the argument "MODEL" is the model. With PLAIN set there is no WebAssembly.
import {readFileSync} from 'node:fs';
import {pathToFileURL} from 'node:url';

if (process.env.PLAIN) delete globalThis.WebAssembly;
const [path, assets] = process.argv.slice(2);
const inner = ['model', 'strokes', 'share'].map((name) => import(pathToFileURL(`${assets}/${name}.mjs`)));
const module = await import(pathToFileURL(path));
const functions = Object.assign({}, ...await Promise.all(inner), module);
const model = module.load();

function call([name, ...rest]) {
  try {
    const given = functions[name](...rest.map((each) => (each === 'MODEL' ? model : each)));
    return given && typeof given.next === 'function' ? [...given] : given;
  } catch (error) {
    return {error: `${error.name}: ${error.message}`};
  }
}

console.log(JSON.stringify(JSON.parse(readFileSync(0)).map(call)));
