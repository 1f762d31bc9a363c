// A visitor of an exported page: node visit_page.js CHROMIUM PAGE FOLDER
// Does everything that the page offers, at two widths, and writes what came of it, as JSON. The
// downloads and pictures of the page go into the folder.
const fs = require('fs');
const {createRequire} = require('module');
const path = require('path');
const {pathToFileURL} = require('url');

const client = createRequire(process.cwd() + '/');
const {chromium} = client('playwright-core');
const axe = fs.readFileSync(client.resolve('axe-core/axe.min.js'), 'utf8');

const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];
const SCREENS = {
  wide: {viewport: {width: 1440, height: 900}, colorScheme: 'light'},
  narrow: {viewport: {width: 360, height: 740}, colorScheme: 'dark', hasTouch: true},
};
const PATIENCE = 60000; // ms

async function main([executablePath, file, folder]) {
  const browser = await chromium.launch({executablePath, args: FLAGS});
  try {
    const report = {};
    for (const [name, screen] of Object.entries(SCREENS)) {
      const context = await browser.newContext({...screen, reducedMotion: 'reduce'});
      report[name] = await visit(context, pathToFileURL(file).href, path.join(folder, name));
      await context.close();
    }
    console.log(JSON.stringify(report));
  } finally {
    await browser.close();
  }
}

async function visit(context, url, prefix) {
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  const visitor = new Visitor(page, prefix);
  try {
    await page.goto(url);
    await visitor.everywhere();
    if (await page.isVisible('[data-mode=mimic]')) await visitor.withAnEncoder();
  } catch (error) {
    await page.screenshot({path: `${prefix}_failed.png`});
    error.message += `; the console says ${JSON.stringify(visitor.report.console)}`;
    throw error;
  }
  return visitor.report;
}

class Visitor {
  constructor(page, prefix) {
    this.page = page;
    this.prefix = prefix;
    this.report = {requests: [], console: [], violations: [], overflows: []};
    page.context().on('request', (request) => this.report.requests.push(request.url().slice(0, 99)));
    page.on('console', (message) => this.report.console.push(message.text()));
    page.on('pageerror', (error) => this.report.console.push(String(error)));
  }

  /** What every model's page does. */
  async everywhere() {
    const {page, report} = this;
    report.title = await page.title();
    report.heading = await page.textContent('h1');
    await this.look('start');
    await this.drawCircle();
    await this.answers(/ending/);
    report.drawn = await this.drawing();
    report.endings = await this.tiles();
    await this.look('endings');
    await this.tap('.tile >> nth=2');
    report.taken = await this.drawing();
    report.copied = await this.copied();
    await this.download('svg');
    await this.download('png');
    await this.tap('#undo');
    report.undone = await this.drawing();
    await this.answers(/ending/);
    const before = await this.tiles();
    await page.fill('#temperature', '1');
    await page.waitForFunction(() => document.querySelector('#tiles').ariaBusy === 'false');
    await this.changed(before);
    report.temperature = await page.textContent('#degrees');
    await this.tap('#clear');
    report.cleared = await this.drawing();
    report.withoutDrawing = await page.locator('.tile:enabled').count();
    await this.tap('#surprise');
    await this.answers(/drawing/);
    report.surprises = await this.tiles();
    await this.tap('.example >> nth=1');
    await this.answers(/ending/);
    report.example = await this.drawing();
    report.status = await page.textContent('#status');
  }

  /** What the page of a conditional model does more. */
  async withAnEncoder() {
    const {page, report} = this;
    await this.tap('[data-mode=mimic]');
    await this.answers(/mimic/);
    report.mimics = await this.tiles();
    await this.look('mimic');
    await this.tap('[data-mode=between]');
    await this.answers(/this drawing/, 1);
    report.between = [];
    for (const value of ['0', '50', '100']) {
      const before = await this.tiles();
      await page.fill('#way', value);
      await this.changed(before);
      report.between.push((await this.tiles())[0]);
    }
    await this.look('between');
    await this.tap('[data-slot=second]');
    await this.tap('#clear');
    await this.answers(/this drawing/, 0);
    await this.drawCircle();
    await this.answers(/this drawing/, 1);
    report.ownBetween = (await this.tiles())[0];
    await this.tapUntil('.tile >> nth=0', /ending/);
    report.takenFromBetween = await this.drawing();
  }

  async tap(selector) {
    const place = this.page.locator(selector);
    if (this.prefix.endsWith('narrow')) await place.tap();
    else await place.click();
  }

  /** Taps until there are answers: Chromium drops a touch that a busy page does not take in time. */
  async tapUntil(selector, kind) {
    for (let tries = 1; ; tries++) {
      await this.tap(selector);
      try {
        return await this.answers(kind, 9, 10_000);
      } catch (error) {
        if (tries === 3) throw error;
      }
    }
  }

  async drawCircle() {
    const {page} = this;
    await page.locator('#paper').scrollIntoViewIfNeeded();
    const box = await page.locator('#paper').boundingBox();
    const points = Array.from({length: 41}, (_, i) => ({
      x: box.x + box.width * (0.5 + 0.3 * Math.cos(i * Math.PI / 20)),
      y: box.y + box.width * (0.5 + 0.3 * Math.sin(i * Math.PI / 20)),
    }));
    if (this.prefix.endsWith('narrow')) {
      const session = await page.context().newCDPSession(page);
      const touch = (type, touchPoints) =>
        session.send('Input.dispatchTouchEvent', {type, touchPoints});
      await touch('touchStart', [points[0]]);
      for (const point of points) await touch('touchMove', [point]);
      await touch('touchEnd', []);
    } else {
      await page.mouse.move(points[0].x, points[0].y);
      await page.mouse.down();
      for (const point of points) await page.mouse.move(point.x, point.y);
      await page.mouse.up();
    }
  }

  /** Waits until the tiles hold answers of a kind. */
  async answers(kind, count = 9, timeout = undefined) {
    await this.page.waitForFunction(
        ([source, count]) => {
          const enabled = [...document.querySelectorAll('.tile:enabled')];
          return document.querySelector('#tiles').ariaBusy === 'false' && enabled.length === count
            && enabled.every((tile) => new RegExp(source).test(tile.ariaLabel));
        },
        [kind.source, count], {timeout});
  }

  async changed(before) {
    await this.page.waitForFunction(
        (before) => document.querySelector('.tile').firstChild.innerHTML !== before,
        before[0].markup);
  }

  drawing() {
    return this.page.$$eval('#paper path', (paths) => paths.map((path) => path.getAttribute('d')));
  }

  tiles() {
    return this.page.$$eval('.tile', (tiles) => tiles.map((tile) => {
      const read = (selector) => [...tile.querySelectorAll(selector)].map((p) => p.getAttribute('d'));
      return {
        markup: tile.firstChild.innerHTML, given: read('path:not(.added)'), added: read('.added'),
      };
    }));
  }

  /** What the page writes to the clipboard, which is not ours to read. */
  async copied() {
    await this.page.evaluate(() => {
      navigator.clipboard.writeText = async (text) => { window.copied = text; };
    });
    await this.tap('#json');
    await this.page.waitForFunction(() => window.copied);
    return this.page.evaluate(() => window.copied);
  }

  async download(kind) {
    const waiting = this.page.waitForEvent('download');
    await this.tap(`#${kind}`);
    await (await waiting).saveAs(`${this.prefix}.${kind}`);
  }

  /** A picture of the page, what axe-core says of it, and whether it is too wide. */
  async look(name) {
    const {page, report} = this;
    await page.evaluate(axe);
    const found = await page.evaluate(() => axe.run());
    report.violations.push(...found.violations.map(
        (violation) => `${name}: ${violation.id} ${violation.nodes[0].html.slice(0, 200)}`));
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    if (width > page.viewportSize().width) report.overflows.push(`${name}: ${width}`);
    await page.screenshot({path: `${this.prefix}_${name}.png`, fullPage: true});
  }
}

main(process.argv.slice(2));
