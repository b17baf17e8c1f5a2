// Apart from the page's script, which an old browser could not even read with this word in it.
window.load = function (url) { return import(url) }
