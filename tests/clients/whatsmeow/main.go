// Drives the real, unmodified whatsmeow against a relay or the simulator and tells on stdout, one JSON object a line,
// what the library saw. ../README.md holds the contract all three drivers keep.
//
// It does not pair, judge or start anything: `pasarela-sim` answers, the end-to-end tests judge. Of the three clients
// this is the one that verifies the whole Noise certificate chain with no switch to turn that off: --root-key replaces
// the library's exported root, nothing is skipped.
package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/coder/websocket"
	"go.mau.fi/util/random"
	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types/events"
	"go.mau.fi/whatsmeow/util/keys"
	waLog "go.mau.fi/whatsmeow/util/log"
)

const (
	exitGood    = 0
	exitFailed  = 1
	exitUsage   = 2
	exitTimeout = 3
)

type options struct {
	target  *url.URL
	rootKey []byte
	stay    time.Duration
	timeout time.Duration
}

func main() {
	wanted, err := parse(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitUsage)
	}
	os.Exit(drive(wanted))
}

// parse takes the URL first and the flags behind it, or the other way round.
func parse(args []string) (options, error) {
	flags := flag.NewFlagSet("whatsmeow", flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: whatsmeow URL [--root-key HEX] [--stay SECONDS] [--timeout SECONDS]")
		flags.PrintDefaults()
	}
	rootKey := flags.String("root-key", "", "32 bytes of `hex`: the root of the Noise certificates, instead of WhatsApp's")
	routing := flags.String("routing-info", "", "`hex`; not supported: the library has no edge routing (exit 2)")
	stay := flags.Float64("stay", 0, "`seconds` the connection must stay up after the QR code")
	timeout := flags.Float64("timeout", 20, "`seconds` to reach the QR code")
	var address string
	if len(args) > 0 && args[0] != "" && args[0][0] != '-' {
		address, args = args[0], args[1:]
	}
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	if address == "" && flags.NArg() == 1 {
		address = flags.Arg(0)
	} else if flags.NArg() != 0 {
		flags.Usage()
		return options{}, errors.New("one URL is needed")
	}
	if *routing != "" {
		return options{}, errors.New("--routing-info: whatsmeow has no edge routing")
	}
	return check(address, *rootKey, *stay, *timeout)
}

func check(address, rootKey string, stay, timeout float64) (options, error) {
	target, err := url.Parse(address)
	if err != nil || target.Host == "" {
		return options{}, fmt.Errorf("not a ws:// URL: %q", address)
	}
	switch target.Scheme {
	case "ws":
		target.Scheme = "http"
	case "wss":
		target.Scheme = "https"
	default:
		return options{}, fmt.Errorf("not a ws:// URL: %q", address)
	}
	root, err := hex.DecodeString(rootKey)
	if err != nil || (len(root) != 0 && len(root) != len(whatsmeow.WACertPubKey)) {
		return options{}, errors.New("--root-key is 32 bytes of hex")
	}
	if stay < 0 || timeout <= 0 {
		return options{}, errors.New("--stay and --timeout are seconds")
	}
	second := float64(time.Second)
	return options{target, root, time.Duration(stay * second), time.Duration(timeout * second)}, nil
}

var printing sync.Mutex

// tell prints one event line; stdout holds nothing else.
func tell(event string, fields map[string]any) {
	line := map[string]any{"event": event}
	for name, value := range fields {
		line[name] = value
	}
	text, _ := json.Marshal(line)
	printing.Lock()
	defer printing.Unlock()
	fmt.Printf("%s\n", text)
}

// redirect sends the library's one constant endpoint to the target; everything else of the request stays as it is.
type redirect struct {
	target *url.URL
	wire   *http.Transport
}

func newRedirect(target *url.URL) redirect {
	wire := http.DefaultTransport.(*http.Transport).Clone()
	wire.Proxy = nil
	return redirect{target, wire}
}

func (r redirect) RoundTrip(request *http.Request) (*http.Response, error) {
	sent := request.Clone(request.Context())
	sent.URL, sent.Host = r.target, ""
	return r.wire.RoundTrip(sent)
}

// logger turns Warn and Error lines into events, and the error that ends the reading into a close: during the
// handshake the library reports a closed connection nowhere else and waits 20 s more.
type logger struct {
	module string
	closed chan<- error
}

func (l logger) Debugf(string, ...any) {}
func (l logger) Infof(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "info %s: %s\n", l.module, fmt.Sprintf(format, args...))
}

func (l logger) Warnf(format string, args ...any) {
	tell("warning", map[string]any{"message": l.module + ": " + fmt.Sprintf(format, args...)})
}

func (l logger) Errorf(format string, args ...any) {
	l.Warnf(format, args...)
	if len(args) != 1 || format != "Error reading from websocket: %v" {
		return
	}
	if err, ok := args[0].(error); ok {
		post(l.closed, err)
	}
}

func (l logger) Sub(module string) waLog.Logger { return logger{l.module + "/" + module, l.closed} }

// post never blocks: only the first report of a kind counts.
func post[T any](channel chan<- T, value T) {
	select {
	case channel <- value:
	default:
	}
}

// device is an unpaired one whose stores keep nothing.
func device(log waLog.Logger) *store.Device {
	nothing := &store.NoopStore{}
	identity := keys.NewKeyPair()
	return &store.Device{
		Log:            log,
		NoiseKey:       keys.NewKeyPair(),
		IdentityKey:    identity,
		SignedPreKey:   identity.CreateSignedPreKey(1),
		RegistrationID: 1,
		AdvSecretKey:   random.Bytes(32),
		Identities:     nothing, Sessions: nothing, PreKeys: nothing, SenderKeys: nothing,
		AppStateKeys: nothing, AppState: nothing, Contacts: nothing, ChatSettings: nothing,
		MsgSecrets: nothing, PrivacyTokens: nothing, EventBuffer: nothing, LIDs: nothing,
		Container: nothing,
	}
}

// hurryKeepAlives fits three keep-alives and their answers into the stay; the library's own pace is the slowest.
func hurryKeepAlives(stay time.Duration) {
	third := max(stay/3, time.Second)
	if stay == 0 || third > whatsmeow.KeepAliveIntervalMin {
		return
	}
	whatsmeow.KeepAliveIntervalMin = third
	whatsmeow.KeepAliveIntervalMax = third + 100*time.Millisecond
	whatsmeow.KeepAliveResponseDeadline = min(third, whatsmeow.KeepAliveResponseDeadline)
}

func drive(wanted options) int {
	if len(wanted.rootKey) != 0 {
		whatsmeow.WACertPubKey = [32]byte(wanted.rootKey)
	}
	hurryKeepAlives(wanted.stay)
	reports := reports{make(chan struct{}, 1), make(chan string, 1), make(chan error, 1), make(chan error, 1)}
	log := logger{"whatsmeow", reports.closed}
	client := whatsmeow.NewClient(device(log), log)
	http := &http.Client{Transport: newRedirect(wanted.target)}
	client.SetPreLoginHTTPClient(http)
	client.SetWebsocketHTTPClient(http)
	client.AddEventHandler(reports.handle)
	tell("connecting", nil)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		if err := client.ConnectContext(ctx); err != nil {
			post(reports.failed, err)
		} else {
			post(reports.opened, struct{}{})
		}
	}()
	code, opened := reports.judge(wanted)
	if opened {
		client.Disconnect()
	}
	return code
}

// reports is what the library told, each kind in a channel of its own.
type reports struct {
	opened chan struct{}
	qr     chan string
	closed chan error
	failed chan error
}

func (r reports) handle(event any) {
	switch event := event.(type) {
	case *events.QR:
		if len(event.Codes) == 0 {
			post(r.failed, errors.New("a QR event without codes"))
		} else {
			post(r.qr, event.Codes[0])
		}
	case *events.KeepAliveTimeout:
		post(r.failed, errors.New("a keep-alive was not answered"))
	case *events.Disconnected:
		post(r.closed, errors.New("disconnected"))
	}
}

// judge waits for the QR code and then for the end of the stay. It tells whether the connection was ever open:
// only then may the library be asked to close it, before that it would wait for its own handshake.
func (r reports) judge(wanted options) (code int, opened bool) {
	deadline := time.After(wanted.timeout)
	var qr <-chan string
	var stayed <-chan time.Time
	for {
		select {
		case <-r.opened:
			tell("open", nil)
			opened, qr = true, r.qr
		case code := <-qr:
			tell("qr", map[string]any{"qr": code})
			qr, deadline, stayed = nil, nil, time.After(wanted.stay)
		case err := <-r.closed:
			reason, status := err.Error(), any(nil)
			if frame := (websocket.CloseError{}); errors.As(err, &frame) {
				reason, status = frame.Reason, int(frame.Code)
			}
			tell("close", map[string]any{"code": status, "reason": reason})
			return exitFailed, opened
		case err := <-r.failed:
			tell("error", map[string]any{"message": err.Error()})
			return exitFailed, opened
		case <-stayed:
			return exitGood, opened
		case <-deadline:
			return exitTimeout, opened
		}
	}
}
