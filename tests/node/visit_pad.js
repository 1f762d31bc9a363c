// Visits a pad: node visit_pad.js CHROMIUM PAD PAD_WITH_MODEL FOLDER
// Draws, reloads, checks what is kept, saves and loads, at two widths; prints a report as JSON. The
// pads ask for a cat and a house, two of each.
const fs = require('fs');
const path = require('path');
const {pathToFileURL} = require('url');

const {Visitor, atBothWidths} = require('./visitor.js');

const MANY = 2000;

async function main([executablePath, pad, playing, folder]) {
  await atBothWidths(executablePath, async (context, name) => {
    const visitor = new PadVisitor(await context.newPage(), path.join(folder, name));
    return visitor.run(async () => {
      await visitor.draws(pathToFileURL(pad).href);
      await visitor.inTwoTabs(pathToFileURL(pad).href);
      await visitor.loads(folder);
      await visitor.isFull();
      await visitor.plays(pathToFileURL(playing).href);
      await visitor.isRefused(pathToFileURL(pad).href);
    });
  });
}

class PadVisitor extends Visitor {
  async open(url) {
    await this.page.goto(url);
    await this.page.waitForFunction(() => document.querySelector('#next').onclick);
  }

  /** Clicks: Chromium drops a tap if the page is busy. Drawing uses touch where there is touch. */
  async tap(selector) {
    await this.page.locator(selector).click();
  }

  text(selector) {
    return this.page.textContent(selector);
  }

  async kept(count) {
    await this.page.waitForFunction(
        (count) => new Promise((resolve) => {
          const pad = JSON.parse(document.querySelector('#pad').textContent);
          const request = indexedDB.open(`sketch_rnn ${pad.id}`);
          request.onsuccess = () => {
            const all = request.result.transaction('drawings').objectStore('drawings').getAll();
            all.onsuccess = () => {
              request.result.close();
              resolve(all.result.reduce((sum, {drawing}) => sum + drawing.length, 0) === count);
            };
          };
        }), count);
  }

  async draws(url) {
    const {page, report} = this;
    await this.open(url);
    report.prompt = await this.text('#prompt');
    report.progress = await this.text('#progress');
    await this.look('start');
    report.scrolls = await page.evaluate(
        () => document.documentElement.scrollHeight > innerHeight);
    await this.drawCircle();
    await this.drawCircle();
    report.drawn = await this.drawing();
    await this.tap('#undo');
    report.undone = await this.drawing();
    await this.tap('#redo');
    report.redone = await this.drawing();
    await page.keyboard.press('Control+z');
    await page.keyboard.press('Control+Shift+z');
    report.byKeys = await this.drawing();
    await this.reloadsWithinAStroke();
    await this.tap('#next');
    report.second = [await this.text('#prompt'), await this.text('#progress')];
    await this.tap('#skip');
    report.afterSkip = await this.text('#prompt');
    await this.penAndPalm();
    await this.kept(3);
    await page.reload(); // beside a pen, fingers do not draw for a while
    await page.waitForFunction(() => document.querySelector('#paper path'));
    await page.keyboard.press('Tab');
    await page.focus('#next');
    await page.keyboard.press('Enter');
    report.third = [await this.text('#prompt'), await this.text('#progress')];
    await this.overview();
    await this.kept(3);
    await this.download('save', '.ndjson');
    report.saved = await this.text('#status');
  }

  /** Reloads in the middle of a stroke: only that stroke is lost. */
  async reloadsWithinAStroke() {
    const {page, report} = this;
    await this.kept(2);
    const box = await page.locator('#paper').boundingBox();
    await page.mouse.move(box.x + 20, box.y + 20);
    await page.mouse.down();
    await page.mouse.move(box.x + 60, box.y + 90);
    await page.reload();
    await page.waitForFunction(() => document.querySelector('#paper path'));
    report.reloaded = await this.drawing();
    await page.mouse.up();
  }

  /** Sends pointer events as a browser does for a pen, a palm beside it, and two fingers. */
  async penAndPalm() {
    this.report.fingers = await this.pointers([
      ['pointerdown', 'touch', 11, true, 0.2], ['pointermove', 'touch', 11, true, 0.4],
      ['pointerdown', 'touch', 12, false, 0.6], ['pointerup', 'touch', 12, false, 0.6],
      ['pointerup', 'touch', 11, true, 0.5],
    ]);
    this.report.pen = await this.pointers([
      ['pointerdown', 'touch', 13, true, 0.9], ['pointerdown', 'pen', 14, true, 0.2],
      ['pointermove', 'touch', 13, true, 0.8], ['pointermove', 'pen', 14, true, 0.4],
      ['pointerup', 'touch', 13, true, 0.8], ['pointermove', 'pen', 14, true, 0.5],
      ['pointerup', 'pen', 14, true, 0.5],
    ]);
    this.report.palm = await this.pointers([
      ['pointerdown', 'touch', 15, true, 0.7], ['pointermove', 'touch', 15, true, 0.8],
      ['pointerup', 'touch', 15, true, 0.8],
    ]);
  }

  /** Returns the drawing after events [type, kind, id, isPrimary, place along the diagonal]. */
  async pointers(events) {
    await this.page.evaluate((events) => {
      const paper = document.querySelector('#paper');
      const {left, top, width} = paper.getBoundingClientRect();
      paper.setPointerCapture = () => {};
      for (const [type, pointerType, pointerId, isPrimary, at] of events) {
        paper.dispatchEvent(new PointerEvent(type, {
          pointerType, pointerId, isPrimary, button: type === 'pointermove' ? -1 : 0,
          clientX: left + at * width, clientY: top + at * width, bubbles: true,
        }));
      }
    }, events);
    return this.drawing();
  }

  async overview() {
    const {page, report} = this;
    await this.tap('#all');
    await this.look('overview');
    report.overview = await page.$$eval('#grid button', (all) => all.map((b) => b.textContent));
    await this.tap('#grid button >> nth=0');
    await this.look('one');
    await this.tap('#again');
    report.again = [await this.text('#prompt'), await this.text('#progress')];
    await this.drawCircle();
    await this.tap('#next');
    await this.tap('#words');
    await this.look('words');
    await page.keyboard.press('Escape');
  }

  /** Opens a second tab: it gets a new drawing, and both tabs count all drawings. */
  async inTwoTabs(url) {
    const {page, report} = this;
    await this.drawCircle();
    const other = new PadVisitor(await page.context().newPage(), this.prefix);
    await other.open(url);
    report.secondTab = await other.drawing();
    await other.drawCircle();
    await other.tap('#next');
    const count = await other.text('#progress');
    await page.bringToFront();
    await page.waitForFunction(
        (all) => document.querySelector('#progress').textContent.endsWith(all),
        count.split(', ')[1]);
    await other.page.close();
    await this.tap('#undo');
  }

  async loads(folder) {
    const {page, report} = this;
    const file = path.join(folder, 'many.ndjson');
    const line = (i) => JSON.stringify({
      word: 'cat', key_id: `k${i}`, timestamp: '2026-01-01', drawing: [[[0, i, 9], [0, 9, i], [0, 5, 9]]],
    });
    fs.writeFileSync(file, Array.from({length: MANY}, (_, i) => line(i)).join('\n'));
    await page.setInputFiles('#file', file);
    await page.waitForFunction(() => /^Loaded/.test(document.querySelector('#status').textContent));
    report.loaded = await this.text('#status');
    await page.setInputFiles('#file', file);
    await page.waitForFunction(() => /^Loaded 0/.test(document.querySelector('#status').textContent));
    await page.reload();
    await page.waitForFunction((all) => document.querySelector('#progress').textContent.includes(all), '2003');
    await this.tap('#all');
    report.many = await page.locator('#grid button').count();
    await this.tap('#more');
    report.more = await page.locator('#grid button').count();
    await this.tap('#overview .close');
    fs.writeFileSync(file, '{"drawing": 7}\n');
    await page.setInputFiles('#file', file);
    await page.waitForFunction(() => /not loaded/.test(document.querySelector('#status').textContent));
    report.notLoaded = await this.text('#status');
  }

  /** Fills the store for two drawings, and then makes room again. */
  async isFull() {
    const {page, report} = this;
    const draw = async () => {
      await this.drawCircle();
      await this.tap('#next');
    };
    const warned = (isWarned) => page.waitForFunction(
        (isWarned) => document.querySelector('#warning').hidden !== isWarned, isWarned);
    await page.evaluate(() => {
      const {put} = IDBObjectStore.prototype;
      window.makeRoom = () => { IDBObjectStore.prototype.put = put; };
      IDBObjectStore.prototype.put = () => { throw new DOMException('', 'QuotaExceededError'); };
    });
    const before = await this.number();
    await draw();
    await draw();
    await warned(true);
    report.full = [await this.number() - before, await this.text('#warning')];
    await this.look('full');
    await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
    await page.evaluate(() => makeRoom());
    await draw();
    await warned(false);
    await page.reload();
    await page.waitForFunction(() => document.querySelector('#next').onclick);
    report.hasRoomAgain = await this.number() - before;
  }

  /** Returns how many drawings there are. */
  async number() {
    return parseInt((await this.text('#progress')).split(', ')[1]);
  }

  async plays(url) {
    await this.open(url);
    await this.drawCircle(); // and the time ends it
    await this.page.waitForFunction(() => document.querySelectorAll('#echo svg').length === 4);
    this.report.echo = await this.page.locator('#echo svg path').count();
    this.report.timed = await this.text('#progress');
    await this.look('echo');
  }

  async isRefused(url) {
    const {page, report} = this;
    await page.addInitScript(() => {
      indexedDB.open = () => { throw new Error('not in this window'); };
    });
    await this.open(url);
    report.refused = await this.text('#warning');
    await this.drawCircle();
    await this.tap('#next');
    await this.look('refused');
    await this.download('save', '_refused.ndjson');
  }
}

main(process.argv.slice(2));
