// What the page does beyond its text: fills in the relay's link, copies, and runs the check when it is asked to.
//
// The key stays in the browser: it is read from behind the # or from the path, kept in no storage and sent to nobody but
// the relay itself, by the check. Written for old browsers; the check's own code is loaded only when it is needed.
(function () {
  'use strict'
  var html = document.documentElement, body = document.body
  if (!window.Promise || !html.classList || !html.dataset || !('content' in document.createElement('template'))) return
  html.classList.add('js')

  var KEY = /^[\w.~-]{16,128}$/, PARAMETER = /^(addr|port|sni|verify|host|pin|ech)=[\w.~%:[\],+\/=-]+$/, ROOT = /^root=[0-9a-f]{64}$/i, ROUTE = /\/(ws\/chat|pipe\/chat|pipe\/tls|tunnel|status\.json)$/
  var origin = location.protocol + '//' + location.host
  // The name under which a page is found that strangers do not see, besides its key.
  var open = body.hasAttribute('data-open'), hidden = body.getAttribute('data-hidden')
  // A key in the path.
  var door = open ? '' : (/^\/([\w.~-]{16,128})\/$/.exec(location.pathname) || [])[1] || ''
  if (door === hidden) door = ''
  var texts = by('texts').content
  // In clear everybody on the way could read the key; on the way to this machine itself there is nobody.
  var insecure = location.protocol === 'http:' && !/^(localhost|127(\.\d+){3}|\[::1\])$/.test(location.hostname)
  // What cannot be seen comes with text that is copied out of a chat, above all where it is read from right to left. The program
  // reads links in the same way: src/native/link/cleaned.rs, with the same examples.
  var UNSEEN = new RegExp('[\\s\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f' +
    '\\u202a-\\u202e\\u2060-\\u206f\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff9-\\ufffb]|\\udb40[\\udc00-\\udfff]', 'g')
  var AROUND = '[\'"`<>(){},;!?‘’‚‛“”„‟«»‹›「」『』、。،؛؟…]', ENDS = new RegExp('^' + AROUND + '+|' + AROUND + '+$', 'g')
  var DOT = new RegExp(AROUND + '\\.$')
  var relay = null, behind = '', module = null, running = null, latest = null, tries = 0

  function by(id) { return document.getElementById(id) }
  function all(selector, within) { return Array.prototype.slice.call((within || document).querySelectorAll(selector)) }
  function said(name) { return texts.querySelector('[data-text=' + name + ']').textContent }
  function show(element, shown) { element.hidden = !shown }

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

  // Browsers escape what they find behind the number sign and is none of theirs.
  function fragment() {
    var said = location.hash.slice(1)
    return parse(said) ? said : behindSign(cleaned(unescaped(said)))
  }

  // The key does not stay in the path, where it would be copied from the address bar to places that look into links.
  function moveKey() {
    var found = parse(by(fragment()) ? '' : fragment())
    if (!found) return
    var rest = [found.key || door].concat(found.parameters).join('&')
    history.replaceState(null, '', (hidden ? '/' + hidden + '/' : '/') + location.search + '#' + rest)
  }

  // What the address bar says about the relay.
  function addressed() {
    var hash = fragment()
    var found = hash && !by(hash) ? parse(hash) : parse('')
    show(by('broken'), !found)
    behind = found && hash && !by(hash) ? hash : ''
    found = found || parse('')
    if (open) found.key = ''
    return open || found.key ? found : null
  }

  function link(of) {
    var parameters = of.parameters.map(function (part) { return '&' + part }).join('')
    return origin + '/' + (of.key || parameters ? '#' + of.key + parameters : '')
  }

  // By what the relay's certificate is verified, if not by the name in the link; the last of them counts most.
  function vouched(of) {
    var by = ''
    ;['sni', 'verify', 'pin'].forEach(function (name) {
      of.parameters.forEach(function (part) {
        var value = part.indexOf(name + '=') === 0 && part !== 'sni=none' && part.slice(name.length + 1)
        if (!value) return
        try { value = decodeURIComponent(value).toLowerCase() } catch (e) { /* It is shown as it is. */ }
        by = name === 'pin' ? part : value === location.hostname ? '' : value
      })
    })
    return by
  }

  function fill() {
    relay = addressed()
    var key = relay ? relay.key : 'KEY'
    var path = location.host + (key && '/' + key) + '/ws/chat'
    var values = { link: relay ? link(relay) : origin + '/#KEY', wss: location.protocol.replace('http', 'ws') + '//' + path }
    values.door = relay && origin + '/' + (key && key + '/') + (relay.parameters.length ? '#' + relay.parameters.join('&') : '')
    values.vouched = relay && vouched(relay)
    values.https = location.protocol + '//' + path
    all('[data-fill]').forEach(function (element) { element.textContent = values[element.getAttribute('data-fill')] })
    by('link').textContent = values.link
    show(by('door'), hidden && key && relay)
    show(by('vouched'), values.vouched)
    show(by('known'), relay)
    show(by('key-form'), !relay)
    show(by('change'), !open)
    body.classList[relay && relay.root ? 'add' : 'remove']('other-root')
    show(by('proved'), relay && !relay.root)
    show(by('insecure'), insecure)
    by('check').disabled = insecure
    hideQr()
    reset()
    translations()
  }

  // In another language it is the same relay.
  function translations() {
    all('#languages a').forEach(function (a) { a.href = '?lang=' + a.hreflang + (behind ? '#' + behind : location.hash) })
  }

  function announce(text) {
    by('announce').textContent = ''
    setTimeout(function () { by('announce').textContent = text }, 50)
  }

  by('key-form').addEventListener('submit', function (event) {
    event.preventDefault()
    var found = pasted(by('key').value), wrong = by('key-wrong')
    wrong.textContent = ''
    if (found && found.elsewhere) {
      wrong.textContent = said('other') + ' '
      var a = wrong.appendChild(document.createElement('a'))
      a.href = found.elsewhere
      a.rel = 'noreferrer'
      a.textContent = said('other_go')
    } else if (!found || !found.key) {
      wrong.textContent = said('bad')
      by('key').focus()
    } else {
      by('key').value = ''
      history.replaceState(null, '', location.pathname + location.search + '#' + [found.key].concat(found.parameters).join('&'))
      fill()
      by('relay-title').focus()
      announce(said('set'))
    }
  })

  by('change').addEventListener('click', function () {
    show(by('key-form'), by('key-form').hidden)
    if (!by('key-form').hidden) by('key').focus()
  })

  // Links within the page must not replace the key in the address bar.
  document.addEventListener('click', function (event) {
    var a = event.target.closest && event.target.closest('a[href^="#"]')
    var target = a && by(a.getAttribute('href').slice(1))
    if (!target || !fragment() || by(fragment())) return
    event.preventDefault()
    var still = window.matchMedia && matchMedia('(prefers-reduced-motion: reduce)').matches
    target.scrollIntoView(still ? true : { behavior: 'smooth' })
    target.focus({ preventScroll: true })
  })

  // Copying.

  function copy(text) {
    if (navigator.clipboard && navigator.clipboard.writeText) {
      return navigator.clipboard.writeText(text).catch(function () { return copyByHand(text) })
    }
    return copyByHand(text)
  }

  function copyByHand(text) {
    var area = body.appendChild(document.createElement('textarea'))
    area.className = 'unseen'
    area.value = text
    area.select()
    var done = false
    try { done = document.execCommand('copy') } catch (ignored) { /* the same as false */ }
    body.removeChild(area)
    return done ? Promise.resolve() : Promise.reject(new Error('not copied'))
  }

  all('[data-copy]').forEach(function (button) {
    var label = button.textContent, timer
    button.addEventListener('click', function () {
      var id = button.getAttribute('data-copy')
      var source = id ? by(id) : button.previousElementSibling
      copy(source.textContent).then(function () {
        button.textContent = said('copied')
        announce(said('copied'))
        clearTimeout(timer)
        timer = setTimeout(function () { button.textContent = label }, 2000)
      }, function () { announce(said('uncopied')) })
      button.focus()
    })
  })

  // The check's own code. What could not be loaded is asked for by another name the next time: some browsers remember it.

  function loaded() {
    if (module) return Promise.resolve(module)
    if (!window.load) return Promise.reject('browser')
    var url = './check.js' + (tries++ ? '?' + tries : '')
    return window.load(url).then(function (found) { module = found; return found }, function () {
      return fetch(url).then(function (response) {
        throw response.ok ? 'browser' : 'internal'
      }, function () { throw 'offline' })
    })
  }

  function hideQr() {
    show(by('link-qr'), false)
    turn(by('show-qr'), false)
  }

  function turn(button, on) {
    button.setAttribute('aria-expanded', on ? 'true' : 'false')
    show(button.children[0], !on)
    show(button.children[1], on)
  }

  by('show-qr').addEventListener('click', function () {
    var place = by('link-qr'), of = relay
    if (!place.hidden) return hideQr()
    loaded().then(function (check) { return check.qr(link(of)) }).then(function (code) {
      var space = document.querySelector('svg').namespaceURI
      var svg = document.createElementNS(space, 'svg'), path = document.createElementNS(space, 'path')
      svg.setAttribute('viewBox', '0 0 ' + code.size + ' ' + code.size)
      svg.setAttribute('shape-rendering', 'crispEdges')
      svg.setAttribute('role', 'img')
      svg.setAttribute('aria-label', said('qr'))
      path.setAttribute('d', code.path)
      svg.appendChild(path)
      place.textContent = ''
      place.appendChild(svg)
    }).catch(function () {
      place.textContent = ''
      place.appendChild(document.createElement('p')).textContent = said('qr_failed')
    }).then(function () {
      // Meanwhile it may have become another relay's page.
      if (relay !== of) return
      show(place, true)
      turn(by('show-qr'), true)
    })
  })

  // The check.

  function state(now) {
    var result = by('result')
    result.setAttribute('data-state', now)
    result.removeAttribute('data-code')
    result.removeAttribute('data-ms')
    all('[data-when]', by('check')).forEach(function (label) {
      show(label, label.getAttribute('data-when') === (now === 'idle' || now === 'running' ? now : 'over'))
    })
    return result
  }

  function stage(name, now, ms) {
    var item = document.querySelector('#stages [data-stage="' + name + '"]')
    if (!item) return
    var mark = item.firstElementChild
    item.setAttribute('data-state', now)
    item.lastElementChild.textContent = now !== 'running' && ms >= 0 ? Math.round(ms) + ' ms' : ''
    if (now === 'pending') return mark.removeAttribute('role')
    mark.setAttribute('role', 'img')
    mark.setAttribute('aria-label', said('state_' + now))
  }

  function reset() {
    stop()
    latest = null
    state('idle')
    all('#stages li').forEach(function (item) { stage(item.getAttribute('data-stage'), 'pending') })
    ;['stages', 'remark', 'place', 'upstreams', 'clock-off'].forEach(function (id) { show(by(id), false) })
  }

  function stop() {
    if (!running) return
    if (running.controller) running.controller.abort()
    running = null
    reset()
  }

  function put(id, from) {
    by(id).textContent = ''
    by(id).appendChild(document.importNode(from, true))
  }

  function failed(code, verdict) {
    var text = texts.querySelector('[data-code="' + code + '"]')
    if (!text) { code = 'internal'; text = texts.querySelector('[data-code=internal]') }
    all('#stages [data-state=running]').forEach(function (item) { stage(item.getAttribute('data-stage'), 'pending') })
    if (verdict && verdict.stage && !document.querySelector('#stages [data-state=failed]')) stage(verdict.stage, 'failed')
    put('means', text.firstElementChild)
    put('try', text.lastElementChild)
    var off = code === 'clock' && verdict && duration(Math.abs(verdict.clockOff))
    show(by('clock-off'), off)
    by('clock-off').lastElementChild.textContent = off || ''
    state('failed').setAttribute('data-code', code)
    by('result').scrollIntoView({ block: 'nearest' })
  }

  // As one says it: by the largest unit. Nothing where the browser cannot say it.
  function duration(seconds) {
    var units = [[31557600, 'year'], [86400, 'day'], [3600, 'hour'], [60, 'minute'], [1, 'second']]
    for (var i = 0; i < units.length; i++) {
      if (seconds < units[i][0]) continue
      try {
        return new Intl.NumberFormat(html.lang, { style: 'unit', unit: units[i][1], unitDisplay: 'long', maximumFractionDigits: 0 }).format(seconds / units[i][0])
      } catch (ignored) { return '' }
    }
    return ''
  }

  function tellUpstreams(upstreams) {
    all('#upstreams li').forEach(function (item) {
      var answers = upstreams && upstreams[item.getAttribute('data-upstream')]
      item.setAttribute('data-state', answers ? 'ok' : 'failed')
      item.lastElementChild.textContent = said(answers ? 'answers' : 'silent')
    })
    show(by('upstreams'), upstreams)
  }

  function tell(verdict) {
    if (verdict.place) by('place').querySelector('bdi').textContent = verdict.place
    show(by('place'), verdict.place)
    tellUpstreams(verdict.upstreams)
    if (!verdict.ok) return failed(verdict.code || 'internal', verdict)
    by('ms').textContent = verdict.ms + ' ms'
    show(by('remark'), verdict.library && !verdict.library.ok)
    state('ok').setAttribute('data-ms', verdict.ms)
    by('result').scrollIntoView({ block: 'nearest' })
  }

  by('check').addEventListener('click', function () {
    if (running) return stop()
    reset()
    var mine = running = latest = { controller: window.AbortController ? new AbortController() : null }
    var asked = { origin: origin, key: relay.key, root: relay.root, signal: mine.controller ? mine.controller.signal : undefined }
    // What a check says that was stopped is not shown.
    asked.onStage = function (event) { if (running === mine) stage(event.stage, event.state, event.ms) }
    asked.onUpstreams = function (upstreams) { if (latest === mine) tellUpstreams(upstreams) }
    function over(how) {
      return function (what) {
        if (running !== mine) return
        running = null
        how(what)
      }
    }
    show(by('stages'), true)
    state('running')
    loaded().then(function (check) { return check.check(asked) })
      .then(over(tell), over(function (reason) { failed(typeof reason === 'string' ? reason : 'internal', { stage: reason === 'offline' && 'relay' }) }))
  })

  window.addEventListener('hashchange', function () {
    if (!by(fragment())) fill()
    else translations()
  })
  if (door) moveKey()
  fill()
})()
