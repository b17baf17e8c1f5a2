// Which part of the page fits the visitor's device, by what its browser says of itself: the part's id, or '' if that is not known.
// Nothing of it leaves the page. Apart from the rest so that it can be tried without a browser.
window.system = function (browser) {
  'use strict'
  var hints = browser.userAgentData, touch = browser.maxTouchPoints > 0

  function of(said) {
    if (/Windows Phone|Tizen|web0s/i.test(said)) return ''
    if (/Android/.test(said)) return 'android'
    if (/iP(hone|ad|od)|iOS/.test(said)) return 'iphone'
    // An iPad says that it is a Mac, but no Mac has a screen that takes fingers.
    if (/mac ?OS/i.test(said)) return touch ? 'iphone' : 'mac'
    if (/Windows/.test(said)) return 'windows'
    return /Linux/.test(said) ? 'linux' : ''
  }

  return of(hints && hints.platform || '') || of(browser.userAgent || '')
}
