// Visits an exported page: node visit_page.js CHROMIUM PAGE PAGE_OF_OWN_COLORS FOLDER
// Uses every control on the page, at two widths, and writes a report as JSON. The
// downloads and pictures of the page go into the folder.
const fs = require('fs');
const path = require('path');
const {pathToFileURL} = require('url');

const {Visitor, atBothWidths} = require('./visitor.js');

async function main([executablePath, file, colored, folder]) {
  const frame = path.join(folder, 'around.html');
  fs.writeFileSync(frame, AROUND.replace('PAGE', path.basename(file)));
  await atBothWidths(executablePath, async (context, name) => {
    const visitor = new PageVisitor(await context.newPage(), path.join(folder, name));
    return visitor.run(async () => {
      await visitor.visit(pathToFileURL(file).href);
      await visitor.shares(pathToFileURL(file).href);
      await visitor.isEmbedded(pathToFileURL(frame).href);
      await visitor.seesColors(pathToFileURL(colored).href);
    });
  });
}

// Another page that embeds the exported page.
const AROUND = `<!doctype html><html lang="en"><title>Around</title><body style="margin: 0">
<iframe title="Draw" src="PAGE?mode=mimic" style="border: 0; width: 340px; height: 600px"></iframe>
<script>window.onmessage = ({data}) => { window.told = data; };</script>`;

class PageVisitor extends Visitor {
  async visit(url) {
    await this.page.goto(url);
    await this.everywhere();
    if (await this.page.isVisible('[data-mode=mimic]')) await this.withAnEncoder();
  }

  /** Uses the controls that the page of every model has. */
  async everywhere() {
    const {page, report} = this;
    report.title = await page.title();
    report.heading = await page.textContent('h1');
    await this.look('start');
    report.examples = await page.$$eval('.example', (all) => all.map((e) => e.offsetWidth));
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
    await this.tap('#redo');
    report.redone = await this.drawing();
    await page.keyboard.press('Control+z');
    await page.keyboard.press('Control+y');
    await page.keyboard.press('Control+z');
    await page.keyboard.press('Control+Shift+z');
    report.byKeys = await this.drawing();
    await page.reload();
    await this.answers(/ending/);
    report.reloaded = await this.drawing();
    const before = await this.tiles();
    report.temperature = await page.textContent('#degrees');
    await page.fill('#temperature', '1');
    report.moved = await page.textContent('#status');
    await page.waitForFunction(() => document.querySelector('#tiles').ariaBusy === 'false');
    await this.changed(before);
    report.after = await page.textContent('#status');
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

  /** Copies a link that contains the drawing, and opens it. */
  async shares(url) {
    const {page, report} = this;
    await this.tap('#clear');
    await this.drawCircle();
    report.shared = await this.drawing();
    report.address = await this.copied('link');
    report.mail = await page.getAttribute('#mail', 'href');
    await this.tap('#clear');
    await page.goto(report.address);
    await page.waitForFunction(() => document.querySelector('#paper path'));
    report.received = await this.drawing();
    await page.goto(`${url}#d=no!drawing`);
    await page.waitForFunction(() => /^No drawing/.test(document.querySelector('#status').textContent));
    report.notReceived = await page.textContent('#status');
  }

  /** Opens the page with a one-line title and its owner's colors, and measures each mode's height. */
  async seesColors(url) {
    const {page, report} = this;
    await page.goto(url);
    await this.drawCircle();
    await this.answers(/ending/);
    await this.look('colored');
    report.heights = [];
    for (const mode of ['draw', 'mimic', 'between']) {
      await page.click(`[data-mode=${mode}]`);
      report.heights.push(await page.evaluate(() => document.documentElement.scrollHeight));
    }
  }

  /** Opens the page in an <iframe>, with motion. */
  async isEmbedded(url) {
    const {page, report} = this;
    await page.emulateMedia({reducedMotion: 'no-preference'});
    await page.goto(url);
    const frame = page.frames()[1];
    report.scrollBars = [];
    for (const [width, height] of [[340, 600], [700, 460], [340, 480]]) {
      await page.$eval('iframe', (element, size) => Object.assign(element.style, size),
          {width: `${width}px`, height: `${height}px`});
      report.scrollBars.push(...await frame.evaluate(() => {
        const {scrollWidth, scrollHeight, clientWidth, clientHeight} = document.documentElement;
        return [scrollWidth > clientWidth, scrollHeight > clientHeight];
      }));
    }
    report.mode = await frame.getAttribute('body', 'data-now');
    await frame.evaluate(() => { sessionStorage.clear(); });
    await page.goto(url);
    await this.drawCircle(page.frames()[1]);
    await page.frames()[1].waitForFunction(() => document.querySelector('.tile:enabled .added'));
    report.moving = await page.frames()[1].evaluate(() => document.getAnimations().length);
    report.embedded = await page.frames()[1].$$eval('#paper path', (all) => all.length);
    await page.screenshot({path: `${this.prefix}_embedded.png`});
    await page.frames()[1].click('#done');
    await page.waitForFunction(() => window.told);
    report.told = await page.evaluate(() => window.told);
    await page.emulateMedia({reducedMotion: 'reduce'});
  }

  /** Uses the controls that only the page of a conditional model has. */
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

  /** Taps until there are answers: Chromium drops a touch if the page is busy. */
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

  /** Returns what the page writes to the clipboard, which a test cannot read. */
  async copied(id = 'json') {
    await this.page.evaluate(() => {
      window.copied = null;
      navigator.clipboard.writeText = async (text) => { window.copied = text; };
    });
    await this.page.click(`#${id}`); // a busy page would drop a tap
    await this.page.waitForFunction(() => window.copied);
    return this.page.evaluate(() => window.copied);
  }
}

main(process.argv.slice(2));
