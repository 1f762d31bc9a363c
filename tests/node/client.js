// Runs a model in the browser client: node client.js URL < strokes.json
// Reads stroke-5 rows in pixels; writes, on the last line, the distribution of the point after the
// start token and after each row.
const fs = require('fs');
const {createRequire} = require('module');
const {SketchRNN} = createRequire(process.cwd() + '/')('@magenta/sketch');

async function main() {
  const {strokes, temperature} = JSON.parse(fs.readFileSync(0));
  const model = new SketchRNN(process.argv[2]);
  await model.initialize();
  const first = model.info.initial_state;
  let state = first ? model.copyState(first) : model.zeroState();
  const pdfs = [];
  for (const stroke of [model.zeroInput(), ...strokes]) {
    state = model.update(stroke, state);
    const pdf = model.getPDF(state, temperature, 1);
    pdfs.push([pdf.pi, pdf.muX, pdf.muY, pdf.sigmaX, pdf.sigmaY.slice(0, 20), pdf.corr, pdf.pen]
        .map((values) => Array.from(values)));
  }
  console.log(JSON.stringify(pdfs));
}

main();
