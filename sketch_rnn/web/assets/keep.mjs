// Saves the drawing as SVG, PNG and stroke-3 JSON.

import {boundsOf, fromLines, pathData, rounded, squareAround} from './strokes.mjs';

const INK_OF_FILES = '#1a1a1a';
const PIXELS = 1200; // side of a PNG
const MARGIN_OF_FILES = 0.08;
const PEN_OF_FILES = 1 / 110; // width of the pen, as a share of the side

/** Returns the text of an SVG file with a path for each line. */
export function toSvg(lines) {
  const {x, y, width} = squareAround(boundsOf(lines), MARGIN_OF_FILES);
  const box = [x, y, width, width].map(rounded).join(' ');
  const paths = lines.map((line) => `<path d="${pathData(line)}"/>`);
  return `<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" width="800" height="800" viewBox="${box}">
<g fill="none" stroke="${INK_OF_FILES}" stroke-width="${rounded(width * PEN_OF_FILES)}" \
stroke-linecap="round" stroke-linejoin="round">
${paths.join('\n')}
</g>
</svg>
`;
}

/** Returns a promise of a PNG blob, with dark lines on white. */
export function toPng(lines) {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = PIXELS;
  const pen = canvas.getContext('2d');
  pen.fillStyle = 'white';
  pen.fillRect(0, 0, PIXELS, PIXELS);
  const {x, y, width} = squareAround(boundsOf(lines), MARGIN_OF_FILES);
  pen.scale(PIXELS / width, PIXELS / width);
  pen.translate(-x, -y);
  pen.strokeStyle = INK_OF_FILES;
  pen.lineWidth = width * PEN_OF_FILES;
  pen.lineCap = pen.lineJoin = 'round';
  for (const line of lines) pen.stroke(new Path2D(pathData(line)));
  return new Promise((resolve) => canvas.toBlob(resolve, 'image/png'));
}

/** Returns the drawing in data units, in the format of `sketch_rnn_sample --output=X.json`. */
export function toJson(lines) {
  const rows = fromLines(lines).map(([dx, dy, lifted]) => [rounded(dx), rounded(dy), lifted]);
  return JSON.stringify({sketches: [rows]});
}

export function download(content, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

/** Copies text to the clipboard, even if the page was not loaded over a secure connection. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement('textarea');
    area.value = text;
    document.body.append(area);
    area.select();
    const copied = document.execCommand('copy');
    area.remove();
    if (!copied) throw new Error('the browser does not let this page copy');
  }
}
