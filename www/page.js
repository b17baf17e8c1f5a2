// What the page does beyond its text: fills in the relay's link, copies, and runs the check when it is asked to.
//
// The key stays in the browser: it is read from behind the # or from the path, kept in no storage and sent to nobody but
// the relay itself, by the check. Written for old browsers; the check's own code is loaded only when it is needed.
(function () {
  'use strict'
  var html = document.documentElement, body = document.body
  if (!window.Promise || !html.classList || !html.dataset || !('content' in document.createElement('template'))) return
  html.classList.add('js')

  var origin = location.protocol + '//' + location.host
  // The name under which a page is found that strangers do not see, besides its key.
  var open = body.hasAttribute('data-open'), hidden = body.getAttribute('data-hidden')
  // A key in the path.
  var door = open ? '' : (/^\/([\w.~-]{16,128})\/$/.exec(location.pathname) || [])[1] || ''
  if (door === hidden) door = ''
  var texts = by('texts').content
  // In clear everybody on the way could read the key; on the way to this machine itself there is nobody.
  var insecure = location.protocol === 'http:' && !/^(localhost|127(\.\d+){3}|\[::1\])$/.test(location.hostname)
  var read = window.reader(origin), system = window.system(navigator)
  var relay = null, behind = '', module = null, running = null, latest = null, tries = 0

  function by(id) { return document.getElementById(id) }
  function all(selector, within) { return Array.prototype.slice.call((within || document).querySelectorAll(selector)) }
  function said(name) { return texts.querySelector('[data-text=' + name + ']').textContent }
  function show(element, shown) { element.hidden = !shown }
  function make(name) { return document.createElement(name) }
  function clicked(element, then) { element.addEventListener('click', then) }

  // Browsers escape what they find behind the number sign and is none of theirs.
  function fragment() {
    var said = location.hash.slice(1)
    return read.parse(said) ? said : read.behindSign(read.cleaned(read.unescaped(said)))
  }

  // The key does not stay in the path, where it would be copied from the address bar to places that look into links.
  function moveKey() {
    var found = read.parse(by(fragment()) ? '' : fragment())
    if (!found) return
    var rest = [found.key || door].concat(found.parameters).join('&')
    history.replaceState(null, '', (hidden ? '/' + hidden + '/' : '/') + location.search + '#' + rest)
  }

  // What the address bar says about the relay.
  function addressed() {
    var hash = fragment()
    var found = hash && !by(hash) ? read.parse(hash) : read.parse('')
    show(by('broken'), !found)
    behind = found && hash && !by(hash) ? hash : ''
    found = found || read.parse('')
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
    all('[data-fill]').forEach(function (element) { element.textContent = values[element.dataset.fill] })
    by('link').textContent = values.link
    show(by('door'), hidden && key && relay)
    show(by('vouched'), values.vouched)
    show(by('known'), relay)
    show(by('key-form'), !relay)
    show(by('change'), !open)
    // The app knows its links by a scheme of its own: what stands behind that goes to the app and to no server.
    show(by('app'), key && relay && system === 'android')
    by('open-app').href = values.link.replace(/^https?/, 'pasarela')
    body.classList[relay && relay.root ? 'add' : 'remove']('other-root')
    all('.root').forEach(function (warning) { warning.textContent = by('other-root').textContent })
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
    var found = read.pasted(by('key').value), wrong = by('key-wrong')
    wrong.textContent = ''
    if (found && found.elsewhere) {
      wrong.textContent = said('other') + ' '
      var a = wrong.appendChild(make('a'))
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

  clicked(by('change'), function () {
    show(by('key-form'), by('key-form').hidden)
    if (!by('key-form').hidden) by('key').focus()
  })

  // Links within the page must not replace the key in the address bar.
  clicked(document, function (event) {
    var a = event.target.closest && event.target.closest('a[href^="#"]')
    var target = a && by(a.getAttribute('href').slice(1))
    if (!target || !fragment() || by(fragment())) return
    event.preventDefault()
    target.open = true
    var still = window.matchMedia && matchMedia('(prefers-reduced-motion:reduce)').matches
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
    var area = body.appendChild(make('textarea'))
    area.className = 'unseen'
    area.value = text
    area.select()
    var done = false
    try { done = document.execCommand('copy') } catch (ignored) { /* the same as false */ }
    body.removeChild(area)
    return done ? Promise.resolve() : Promise.reject(new Error('not copied'))
  }

  // A button in every block of code, and a way there without a mouse.
  all('.code').forEach(function (block) {
    var source = block.firstChild, button = make('button'), timer
    source.tabIndex = 0
    button.className = 'copy'
    button.textContent = said('copy')
    clicked(block.appendChild(button), function () {
      copy(source.textContent).then(function () {
        button.textContent = said('copied')
        announce(said('copied'))
        clearTimeout(timer)
        timer = setTimeout(function () { button.textContent = said('copy') }, 2000)
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

  clicked(by('show-qr'), function () {
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
      place.appendChild(make('p')).textContent = said('qr_failed')
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
    result.dataset.state = now
    delete result.dataset.code
    delete result.dataset.ms
    all('[data-when]', by('check')).forEach(function (label) {
      show(label, label.dataset.when === (now === 'idle' || now === 'running' ? now : 'over'))
    })
    return result
  }

  function stage(name, now, ms) {
    var item = document.querySelector('#stages [data-stage="' + name + '"]')
    if (!item) return
    var mark = item.firstElementChild
    item.dataset.state = now
    item.lastElementChild.textContent = now !== 'running' && ms >= 0 ? Math.round(ms) + ' ms' : ''
    if (now === 'pending') return mark.removeAttribute('role')
    mark.setAttribute('role', 'img')
    mark.setAttribute('aria-label', said('state_' + now))
  }

  function reset() {
    stop()
    latest = null
    state('idle')
    all('#stages li').forEach(function (item) { stage(item.dataset.stage, 'pending') })
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
    all('#stages [data-state=running]').forEach(function (item) { stage(item.dataset.stage, 'pending') })
    if (verdict && verdict.stage && !document.querySelector('#stages [data-state=failed]')) stage(verdict.stage, 'failed')
    put('means', text.firstElementChild)
    put('try', text.lastElementChild)
    var off = code === 'clock' && verdict && duration(Math.abs(verdict.clockOff))
    show(by('clock-off'), off)
    by('clock-off').lastElementChild.textContent = off || ''
    state('failed').dataset.code = code
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
      var answers = upstreams && upstreams[item.dataset.upstream]
      item.dataset.state = answers ? 'ok' : 'failed'
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
    state('ok').dataset.ms = verdict.ms
    by('result').scrollIntoView({ block: 'nearest' })
  }

  clicked(by('check'), function () {
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
  // What fits the visitor's device comes first; the rest is there to be opened. Where nobody knows, all of it is open, as without scripts.
  if (by(system)) {
    all('#devices details').forEach(function (device) { device.open = device.id === system })
    by('devices').insertBefore(by(system), by('devices').firstChild)
  }
  if (door) moveKey()
  fill()
})()
