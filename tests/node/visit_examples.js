// Visits the examples in the documentation: node visit_examples.js CHROMIUM FOLDER
// Opens each .html of the folder from a server, and offline.html from the disk, until it shows
// something; prints, by name, what each shows and the console messages, as JSON.
const fs = require('fs');
const http = require('http');
const path = require('path');
const {createRequire} = require('module');
const {pathToFileURL} = require('url');

const client = createRequire(process.cwd() + '/');
const {chromium} = client('playwright-core');

const TYPES = {'.html': 'text/html', '.htm': 'text/html', '.js': 'text/javascript'};
const PATIENCE = 60000; // ms

async function main([executablePath, folder]) {
  fs.copyFileSync(client.resolve('p5/lib/p5.min.js'), path.join(folder, 'p5.min.js'));
  const server = http.createServer((request, response) => serve(folder, request, response));
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  const browser = await chromium.launch({executablePath, args: ['--no-sandbox', '--disable-gpu']});
  try {
    const report = {};
    for (const file of fs.readdirSync(folder).filter((each) => each.endsWith('.html'))) {
      const url = file === 'offline.html' ? pathToFileURL(path.join(folder, file)).href
        : `http://127.0.0.1:${server.address().port}/${file}`;
      report[path.basename(file, '.html')] = await visit(await browser.newPage(), url, folder);
    }
    console.log(JSON.stringify(report));
  } finally {
    await browser.close();
    server.close();
  }
}

function serve(folder, request, response) {
  const file = path.join(folder, path.basename(request.url.split('?')[0]));
  if (!fs.existsSync(file)) return response.writeHead(request.url === '/favicon.ico' ? 204 : 404).end();
  response.setHeader('Content-Type', TYPES[path.extname(file)] || 'application/octet-stream');
  response.end(fs.readFileSync(file));
}

async function visit(page, url, folder) {
  const said = [];
  page.setDefaultTimeout(PATIENCE);
  page.on('console', (message) => said.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => said.push(String(error)));
  await page.goto(url);
  const title = await page.title();
  const shown = await (page.frames().length > 1 ? framed(page) : drawn(page));
  await page.screenshot({path: path.join(folder, `${title}.png`)});
  await page.close();
  return {title, shown, said: said.filter((line) => !line.includes('getImageData'))}; // our own
}

/** The text of a <pre>, or how many pixels of a canvas are dark, once there are some. */
async function drawn(page) {
  const found = await page.waitForFunction(() => {
    const text = document.querySelector('pre')?.textContent;
    if (text) return text;
    const canvas = document.querySelector('canvas');
    if (!canvas) return null;
    const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let dark = 0;
    for (let i = 0; i < data.length; i += 4) dark += data[i + 3] > 99 && data[i] < 99 ? 1 : 0;
    return dark > 100 ? dark : null;
  });
  return found.jsonValue();
}

/** The drawing that a page in a frame gives to the one around it. */
async function framed(page) {
  const frame = page.frames()[1];
  await frame.locator('#surprise').click();
  await frame.locator('.tile:enabled').first().click();
  await frame.locator('#done').click();
  await page.waitForFunction(() => document.querySelector('body > svg'));
  return page.locator('body > svg path').count();
}

main(process.argv.slice(2));
