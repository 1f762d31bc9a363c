// A visitor of an exported page: node visit_page.js CHROMIUM PAGE FOLDER
// Does everything that the page offers, at two widths, and writes what came of it, as JSON. The
// downloads and pictures of the page go into the folder.
const path = require('path');
const {pathToFileURL} = require('url');

const {Visitor, atBothWidths} = require('./visitor.js');

async function main([executablePath, file, folder]) {
  await atBothWidths(executablePath, async (context, name) => {
    const visitor = new PageVisitor(await context.newPage(), path.join(folder, name));
    return visitor.run(() => visitor.visit(pathToFileURL(file).href));
  });
}

class PageVisitor extends Visitor {
  async visit(url) {
    await this.page.goto(url);
    await this.everywhere();
    if (await this.page.isVisible('[data-mode=mimic]')) await this.withAnEncoder();
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
    await this.download('svg', '.svg');
    await this.download('png', '.png');
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
}

main(process.argv.slice(2));
