// What people have for a link: reads it out of what messengers, keyboards and browsers make of it. It knows no page, so it can be
// tried without one.
window.reader = function (origin) {
  'use strict'
  var KEY = /^[\w.~-]{16,128}$/, ROOT = /^root=[0-9a-f]{64}$/i, ROUTE = /\/(ws\/chat|pipe\/chat|pipe\/tls|tunnel|status\.json)$/
  var PARAMETER = /^(addr|port|sni|verify|host|pin|ech|sibling|ports|ways)=[\w.~%:[\],+\/=*-]+$/
  // What cannot be seen comes with text that is copied out of a chat, above all where it is read from right to left. The program
  // reads links in the same way: src/native/link/cleaned.rs, with the same examples.
  var UNSEEN = new RegExp('[\\s\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f' +
    '\\u202a-\\u202e\\u2060-\\u206f\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff9-\\ufffb]|\\udb40[\\udc00-\\udfff]', 'g')
  var AROUND = '[\'"`<>(){},;!?‘’‚‛“”„‟«»‹›「」『』、。،؛؟…]', ENDS = new RegExp('^' + AROUND + '+|' + AROUND + '+$', 'g')
  var DOT = new RegExp(AROUND + '\\.$')

  // The key and the parameters behind a #; null if it is no such thing.
  function parse(fragment) {
    var parts = fragment.split('&'), found = { key: '', parameters: [], root: undefined }, seen = {}
    if (parts[0].indexOf('=') < 0) found.key = parts.shift()
    if (found.key && !KEY.test(found.key)) return null
    for (var i = 0; i < parts.length; i++) {
      if (!parts[i]) continue
      var name = parts[i].split('=')[0]
      if (name !== 'addr' && seen[name]) return null
      seen[name] = true
      if (ROOT.test(parts[i])) found.root = parts[i].slice(5).toLowerCase()
      else if (!PARAMETER.test(parts[i])) return null
      found.parameters.push(parts[i])
    }
    return found
  }

  // The text of an address without what messengers, keyboards and people put into it and around it.
  function cleaned(text) {
    text = text.replace(UNSEEN, '').replace(/[\uff01-\uff5e]/g, narrow).replace(/&amp;/g, '&').replace(ENDS, '')
    while (DOT.test(text)) text = text.slice(0, -1).replace(ENDS, '')
    while (/^\[.*:\/\/.*\]$/.test(text)) text = text.slice(1, -1)
    return text
  }

  function narrow(wide) { return String.fromCharCode(wide.charCodeAt(0) - 0xfee0) }
  function unescaped(text) { try { return decodeURIComponent(text) } catch (e) { return text } }

  // What stands behind the number sign, without what browsers and people put behind it.
  function behindSign(text) {
    text = text.split(':~:')[0]
    if (!/[&=]/.test(text)) text = unescaped(text)
    return text.replace(/=[^&]*$/.test(text) ? /\.+$/ : /\/+$/, '')
  }

  // A key, or a link of this relay or another; null if it is none.
  function pasted(text) {
    // What was cut off on its way.
    if (/#[^]*\u2026\s*$/.test(text)) return null
    text = cleaned(text)
    if (text.indexOf('#') < 0) text = text.replace('%23', '#')
    text = text.replace(/^ws(s?:)/i, 'http$1')
    if (text.indexOf('://') < 0 && /^[^\/#]*\.[^\/#]*[\/#]/.test(text)) text = 'https://' + text
    var link = /^(https?:\/\/[^\/?#]+)\/?([^?#]*)(?:\?[^#]*)?(?:#(.*))?$/i.exec(text)
    if (!link) return parse(behindSign(text.replace(/^#/, '')))
    if (link[1].toLowerCase() !== origin) return { elsewhere: text }
    var found = parse(behindSign(link[3] || '')), path = link[2].replace(ROUTE, '').replace(/\/$/, '')
    if (found && !found.key && KEY.test(path)) found.key = path
    return found
  }

  return { parse: parse, cleaned: cleaned, unescaped: unescaped, behindSign: behindSign, pasted: pasted }
}
