// Shared by all visitors of pages: a browser at two widths, and ways to look, draw and click.
const fs = require('fs');
const {createRequire} = require('module');

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

/** Prints the reports of `visit(context, name)` on each screen, as JSON. */
async function atBothWidths(executablePath, visit) {
  const browser = await chromium.launch({executablePath, args: FLAGS});
  try {
    const report = {};
    for (const [name, screen] of Object.entries(SCREENS)) {
      const context = await browser.newContext({...screen, reducedMotion: 'reduce'});
      report[name] = await visit(context, name);
      await context.close();
    }
    console.log(JSON.stringify(report));
  } finally {
    await browser.close();
  }
}

class Visitor {
  /** `prefix` is where pictures and downloads go; a name that ends with "narrow" has touch. */
  constructor(page, prefix) {
    this.page = page;
    this.prefix = prefix;
    this.touches = prefix.endsWith('narrow');
    this.report = {requests: [], console: [], violations: [], overflows: []};
    page.setDefaultTimeout(PATIENCE);
    page.on('request', (request) => this.report.requests.push(request.url().slice(0, 99)));
    page.on('console', (message) => this.report.console.push(message.text()));
    page.on('pageerror', (error) => this.report.console.push(String(error)));
  }

  /** Runs a visit; if it fails, saves a picture of the page and reports the console's messages. */
  async run(visit) {
    try {
      await visit();
    } catch (error) {
      await this.page.screenshot({path: `${this.prefix}_failed.png`});
      throw new Error(`${error.stack}\nthe console says ${JSON.stringify(this.report.console)}`);
    }
    return this.report;
  }

  async tap(selector) {
    const place = this.page.locator(selector);
    if (this.touches) await place.tap();
    else await place.click();
  }

  /** `where` is the page, or a frame of it. */
  async drawCircle(where = this.page) {
    await where.locator('#paper').scrollIntoViewIfNeeded();
    const box = await where.locator('#paper').boundingBox();
    const side = Math.min(box.width, box.height);
    const points = Array.from({length: 41}, (_, i) => ({
      x: box.x + box.width / 2 + 0.3 * side * Math.cos(i * Math.PI / 20),
      y: box.y + box.height / 2 + 0.3 * side * Math.sin(i * Math.PI / 20),
    }));
    if (this.touches) await this.touchAlong(points);
    else await this.dragAlong(points);
  }

  async touchAlong(points) {
    const session = await this.page.context().newCDPSession(this.page);
    const touch = (type, touchPoints) =>
      session.send('Input.dispatchTouchEvent', {type, touchPoints});
    await touch('touchStart', [points[0]]);
    for (const point of points) await touch('touchMove', [point]);
    await touch('touchEnd', []);
  }

  async dragAlong(points) {
    const {mouse} = this.page;
    await mouse.move(points[0].x, points[0].y);
    await mouse.down();
    for (const point of points) await mouse.move(point.x, point.y);
    await mouse.up();
  }

  drawing() {
    return this.page.$$eval('#paper path', (paths) => paths.map((path) => path.getAttribute('d')));
  }

  async download(id, name) {
    const waiting = this.page.waitForEvent('download');
    await this.tap(`#${id}`);
    await (await waiting).saveAs(`${this.prefix}${name}`);
  }

  /** Saves a picture of the page, and records axe-core's findings and whether it is too wide. */
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

module.exports = {Visitor, atBothWidths};
