#!/usr/bin/env node
// What the page takes visitors' devices for, without the page: `system.mjs BROWSERS`, in JSON what each says of itself
// (userAgent, userAgentData, maxTouchPoints). On stdout are the parts of the page that they are shown first. It judges nothing;
// `../../page/devices.rs` does.

import { readFileSync } from 'node:fs'
import { runInNewContext } from 'node:vm'

const window = {}
runInNewContext(readFileSync(new URL('../../../www/system.js', import.meta.url), 'utf8'), { window })
console.log(JSON.stringify(JSON.parse(process.argv[2]).map(window.system)))
