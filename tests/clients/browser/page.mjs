// One visitor: a page in a browser profile of its own, what is asked of it, and what it asked of others and complained of.

import { accessibility, code, sticksOut } from './judges.mjs'

/** The height of every window, in pixels. */
const HEIGHT = 900

/** What a driver may be told to do, other than to visit. */
const TASKS = [
  'accessibility', 'clipboard', 'click', 'code', 'fill', 'follow', 'look', 'open', 'press', 'reload', 'seen', 'set',
  'shot', 'sticksOut', 'wait',
]

export class Page {
  static can(task) {
    return TASKS.includes(task)
  }

  /** `ahead`: by how many seconds the clock is wrong; `agent`: what the browser says of itself, with hints if it is a Chrome. */
  static async make(browser, { locale, script, width, ahead, agent, patience }) {
    const context = await browser.newContext({
      locale,
      userAgent: agent ?? undefined,
      javaScriptEnabled: script,
      viewport: { width, height: HEIGHT },
      permissions: ['clipboard-read', 'clipboard-write'],
      reducedMotion: 'reduce',
    })
    context.setDefaultTimeout(patience)
    if (ahead) await context.addInitScript(wrongClock, ahead * 1000)
    if (agent && !agent.includes('Chrome/')) await context.addInitScript(() => delete Navigator.prototype.userAgentData)
    return new Page(context, await context.newPage())
  }

  constructor(context, page) {
    this.context = context
    this.page = page
    this.requests = []
    this.complaints = []
    page.on('request', (request) => this.requests.push(request))
    page.on('websocket', (socket) => this.requests.push(socket))
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) this.complaints.push(message.text())
    })
    page.on('pageerror', (error) => this.complaints.push(String(error)))
  }

  /** Loads an address and returns the status. */
  async open({ url }) {
    // Only the fragment changing would be no load.
    await this.page.goto('about:blank')
    return (await this.page.goto(url)).status()
  }

  /** Follows a link of the page to another document; returns what the address bar says then. */
  async follow({ selector }) {
    await Promise.all([this.page.waitForEvent('load'), this.page.locator(selector).click()])
    return this.page.url()
  }

  /** Loads the page again; returns what the address bar says then. */
  async reload() {
    await this.page.reload()
    return this.page.url()
  }

  async set({ width, scheme }) {
    if (width) await this.page.setViewportSize({ width, height: HEIGHT })
    if (scheme) await this.page.emulateMedia({ colorScheme: scheme })
  }

  async click({ selector }) {
    await this.page.locator(selector).click()
  }

  async fill({ selector, text }) {
    await this.page.locator(selector).fill(text)
  }

  async press({ selector, key }) {
    await this.page.locator(selector).press(key)
  }

  /** Waits until an element is there, visible or not. */
  async wait({ selector }) {
    await this.page.locator(selector).first().waitFor({ state: 'attached' })
  }

  /** The elements as a reader finds them. */
  async look({ selector }) {
    const found = await this.page.locator(selector).all()
    return Promise.all(found.map(async (element) => ({
      text: (await element.evaluate((it) => (it.matches('input, textarea') ? it.value : it.innerText ?? it.textContent))).trim(),
      visible: await element.isVisible(),
      attributes: await element.evaluate((it) => Object.fromEntries([...it.attributes].map(({ name, value }) => [name, value]))),
    })))
  }

  async clipboard() {
    await this.page.bringToFront()
    return this.page.evaluate(() => navigator.clipboard.readText())
  }

  /** What the page asked for since it was made, what the browser's console holds against it, and what it stored. */
  async seen() {
    const requests = await Promise.all(this.requests.map(async (request) => {
      if (!request.method) return { url: request.url(), headers: '', body: '', size: 0 }
      const answered = await request.response().catch(() => null)
      return {
        url: request.url(),
        headers: JSON.stringify(await request.allHeaders()),
        body: request.postData() ?? '',
        size: answered ? (await request.sizes()).responseBodySize : 0,
      }
    }))
    const { cookies, origins } = await this.context.storageState({ indexedDB: true })
    return {
      requests: requests.filter(({ url }) => url !== 'about:blank'),
      complaints: this.complaints,
      kept: [...cookies, ...origins].map((it) => JSON.stringify(it)),
    }
  }

  /** A picture of the whole page, or of an element. */
  async shot({ file, selector }) {
    await (selector ? this.page.locator(selector).screenshot({ path: file }) : this.page.screenshot({ path: file, fullPage: true }))
  }

  async sticksOut() {
    return this.page.evaluate(sticksOut)
  }

  async accessibility() {
    return accessibility(this.page)
  }

  /** What a camera reads in an element. */
  async code({ selector }) {
    return code(await this.page.locator(selector).screenshot())
  }
}

/** Runs in the page before anything else does: the time goes on, but is another. */
function wrongClock(ahead) {
  const Right = Date
  globalThis.Date = class extends Right {
    constructor(...given) {
      super(...(given.length ? given : [Right.now() + ahead]))
    }

    static now() {
      return Right.now() + ahead
    }
  }
}
