// A Chromium without windows, told by JSON lines on stdin what to do and answering each with one on stdout.
//
//   node browser.mjs CHROMIUM
//   {"do":"open","page":"a","url":"http://…/"}      {"value":null}
//   {"do":"click","page":"a","selector":"#check"}   {"value":null}, or {"error":"…"}
//
// What can be asked is in page.mjs. It ends, and the browser with it, when stdin does. Nothing is judged here.

import { createInterface } from 'node:readline'
import { chromium } from 'playwright-core'
import { Page } from './page.mjs'

/** How long anything may take, in milliseconds: many tests share the machine. */
const PATIENCE = 30_000

const [executablePath] = process.argv.slice(2)
if (!executablePath) {
  console.error('usage: browser.mjs CHROMIUM')
  process.exit(2)
}

const browser = await chromium.launch({ executablePath, timeout: 2 * PATIENCE })
const pages = new Map()

async function answer({ do: what, page: name, ...how }) {
  if (what === 'visit') {
    pages.set(name, await Page.make(browser, { ...how, patience: PATIENCE }))
    return null
  }
  const page = pages.get(name)
  if (!page) throw new Error(`no page ${name}`)
  if (!Page.can(what)) throw new Error(`nobody knows how to ${what}`)
  return (await page[what](how)) ?? null
}

for await (const line of createInterface({ input: process.stdin })) {
  const told = await answer(JSON.parse(line)).then(
    (value) => ({ value }),
    (error) => ({ error: String(error?.message ?? error) }),
  )
  process.stdout.write(JSON.stringify(told) + '\n')
}
await browser.close()
