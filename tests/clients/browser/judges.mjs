// Judges of a page who are not its authors: axe, a reader of QR codes, and the browser's own layout.

import axe from 'axe-core'
import jsQR from 'jsqr'
import { PNG } from 'pngjs'

/** What axe holds against the page, by WCAG 2.2 AA and its own best practices. */
export async function accessibility(page) {
  // Evaluated and not inserted: the page's Content-Security-Policy forbids scripts of others, as it should.
  await page.evaluate(axe.source)
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }))
  return violations.map(({ id, impact, help, nodes }) => {
    return { id, impact, help, where: nodes.map((node) => `${node.target.join(' ')}: ${node.failureSummary}`) }
  })
}

/** The text of the one QR code in a picture. */
export function code(picture) {
  const { width, height, data } = PNG.sync.read(picture)
  const found = jsQR(new Uint8ClampedArray(data), width, height)
  if (!found) throw new Error('there is no QR code to be read')
  return found.data
}

/** Runs in the page: what does not fit into the window, unless it can be scrolled by itself. */
export function sticksOut() {
  const root = document.documentElement
  const width = root.clientWidth
  const clips = (element) =>
    element && element !== root && (getComputedStyle(element).overflowX !== 'visible' || clips(element.parentElement))
  const found = root.scrollWidth > width ? [`the page: ${root.scrollWidth} of ${width} px`] : []
  for (const element of document.body.querySelectorAll('*')) {
    const { left, right } = element.getBoundingClientRect()
    // What is wholly outside is hidden there; could it be scrolled to, the page would be wider.
    const cut = (left < -1 && right > 0) || (right > width + 1 && left < width)
    if (cut && !clips(element.parentElement)) {
      found.push(`${element.tagName.toLowerCase()}#${element.id}.${element.className}: ${Math.round(left)} to ${Math.round(right)} px`)
    }
  }
  return found
}
