// Checks the arguments of a module's functions; error messages say what was expected.

const OPTIONS = {
  z: {
    text: 'null, a list of numbers, or a list of such lists',
    holds: (z) => z === null || isList(z),
  },
  count: {text: 'a whole number from 1 to 10000', holds: (n) => isWhole(n, 1, 10000)},
  temperature: {text: 'a number above 0', holds: (t) => isNumber(t) && t > 0},
  greedy: {text: 'true or false', holds: (greedy) => typeof greedy === 'boolean'},
  leastPoints: {text: 'a whole number from 0 to 10000', holds: (n) => isWhole(n, 0, 10000)},
  maxPoints: {text: 'a whole number from 1 to 10000', holds: (n) => isWhole(n, 1, 10000)},
  seed: {text: 'a whole number from 0 to 4294967295', holds: (n) => isWhole(n, 0, 2 ** 32 - 1)},
};

export function checkModel(model) {
  if (!model?.decoder) {
    throw new TypeError(`expected the model that load() gives, got ${shown(model)}`);
  }
}

/** Returns the options, with defaults for options that are missing or undefined. */
export function checkedOptions(options, defaults) {
  if (options === null || typeof options !== 'object' || isList(options)) {
    throw new TypeError(`expected options such as {count: 3}, got ${shown(options)}`);
  }
  const names = Object.keys(defaults);
  const settings = {...defaults};
  for (const [name, value] of Object.entries(options)) {
    if (!names.includes(name)) {
      throw new TypeError(`unknown option ${name}: expected ${names.join(', ')}`);
    }
    if (value === undefined) continue;
    const {text, holds} = OPTIONS[name];
    if (!holds(value)) throw new RangeError(`option ${name}: expected ${text}, got ${shown(value)}`);
    settings[name] = value;
  }
  return settings;
}

/** Returns z, which is one z or a list of them, as a list. */
export function checkedZs(z, zSize) {
  if (!zSize) throw new RangeError('this model has no encoder and draws without z: leave z out');
  if (!z.length) throw new RangeError('option z: expected one z or more, got an empty list');
  const all = isList(z[0]) ? Array.from(z) : [z];
  all.forEach((each) => checkNumbers(each, `a z of ${zSize} numbers`, zSize));
  return all;
}

/** Checks that a value is a list of `size` finite numbers; null allows any size. */
export function checkNumbers(list, expected, size = null) {
  if (!isList(list) || !Array.from(list).every(isNumber)) {
    throw new TypeError(`expected ${expected}, got ${shown(list)}`);
  }
  if (size !== null && list.length !== size) {
    throw new RangeError(`expected ${expected}, got ${list.length}`);
  }
}

export function checkWhole(value, least, name) {
  if (!isWhole(value, least, 1000)) {
    throw new RangeError(
        `${name}: expected a whole number from ${least} to 1000, got ${shown(value)}`);
  }
}

export function checkSketch(sketch) {
  const expected = 'expected a drawing as a list of rows [dx, dy, pen lifted]';
  if (!isList(sketch)) throw new TypeError(`${expected}, got ${shown(sketch)}`);
  if (!sketch.length) throw new RangeError(`${expected}, got none`);
  sketch.forEach((row, i) => {
    const fits = isList(row) && row.length === 3 && isNumber(row[0]) && isNumber(row[1])
      && [0, 1, false, true].includes(row[2]);
    if (!fits) throw new TypeError(`${expected}, got row ${i}: ${shown(row)}`);
  });
}

function isList(value) {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}

function isNumber(value) {
  return typeof value === 'number' && Number.isFinite(value);
}

function isWhole(value, least, most) {
  return Number.isInteger(value) && value >= least && value <= most;
}

/** Returns a value as text for a message, on one line and not too long. */
function shown(value) {
  if (typeof value === 'function') return 'a function';
  if (value === undefined || isNumber(value) || Number.isNaN(value)) return String(value);
  const text = ArrayBuffer.isView(value) ? `[${value}]` : JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)} ...` : text;
}
