// A TLS server with Encrypted ClientHello (RFC 9849) in front of a relay without TLS, for the tests of the connector.
//
//	ech-server INNER PUBLIC UPSTREAM
//
// It certifies the names INNER and PUBLIC, each with its own certificate, by an authority made at the start, and passes what
// it decrypts on to UPSTREAM. On stdout it says one JSON object a line: first where it listens, the authority, its
// ECHConfigList, and one with a key that it does not have; then, for each handshake, the name and whether the encrypted hello
// was accepted. It ends when its stdin does.
package main

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"sync"
	"time"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: ech-server INNER PUBLIC UPSTREAM")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(inner, public, upstream string) error {
	authority, err := newAuthority()
	if err != nil {
		return err
	}
	certificates := map[string]*tls.Certificate{}
	for _, name := range []string{inner, public} {
		if certificates[name], err = authority.certify(name); err != nil {
			return err
		}
	}
	// The stale one has another key under the same name, as after a rotation.
	config, key, err := echConfig(1, public)
	if err != nil {
		return err
	}
	stale, _, err := echConfig(2, public)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	tell(map[string]any{
		"address": listener.Addr().String(),
		"ca":      hex.EncodeToString(authority.certificate.Raw),
		"ech":     hex.EncodeToString(list(config)),
		"stale":   hex.EncodeToString(list(stale)),
	})
	settings := &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if certificate := certificates[hello.ServerName]; certificate != nil {
				return certificate, nil
			}
			return certificates[inner], nil
		},
		EncryptedClientHelloKeys: []tls.EncryptedClientHelloKey{{Config: config, PrivateKey: key, SendAsRetry: true}},
	}
	go func() {
		io.Copy(io.Discard, os.Stdin)
		listener.Close()
	}()
	for {
		tcp, err := listener.Accept()
		if err != nil {
			return nil
		}
		go serve(tls.Server(tcp, settings), upstream)
	}
}

var stdout sync.Mutex

func tell(object map[string]any) {
	stdout.Lock()
	defer stdout.Unlock()
	json.NewEncoder(os.Stdout).Encode(object)
}

func serve(client *tls.Conn, upstream string) {
	defer client.Close()
	if client.Handshake() != nil {
		return
	}
	state := client.ConnectionState()
	tell(map[string]any{"sni": state.ServerName, "ech": state.ECHAccepted, "alpn": state.NegotiatedProtocol})
	relay, err := net.Dial("tcp", upstream)
	if err != nil {
		return
	}
	defer relay.Close()
	done := make(chan struct{}, 2)
	pass := func(to, from net.Conn) {
		io.Copy(to, from)
		done <- struct{}{}
	}
	go pass(relay, client)
	go pass(client, relay)
	<-done
}

type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority() (*authority, error) {
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "the tests' authority"},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	key, der, err := sign(template, nil)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	return &authority{certificate, key}, err
}

func (a *authority) certify(name string) (*tls.Certificate, error) {
	// Not an authority itself: WebPKI refuses such as a server's.
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: name},
		DNSNames:    []string{name},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	key, der, err := sign(template, a)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

func sign(template *x509.Certificate, by *authority) (*ecdsa.PrivateKey, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<62)); err != nil {
		return nil, nil, err
	}
	template.NotBefore = time.Now().Add(-24 * time.Hour)
	template.NotAfter = time.Now().Add(24 * time.Hour)
	if by == nil {
		by = &authority{template, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.certificate, &key.PublicKey, by.key)
	return key, der, err
}

// echConfig makes an ECHConfig and its key (RFC 9849, section 4).
func echConfig(id byte, public string) ([]byte, []byte, error) {
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	const x25519, hkdfSha256, aes128Gcm = 0x0020, 0x0001, 0x0001
	contents := []byte{id}
	contents = binary.BigEndian.AppendUint16(contents, x25519)
	contents = prefixed(contents, key.PublicKey().Bytes())
	suite := binary.BigEndian.AppendUint16(nil, hkdfSha256)
	suite = binary.BigEndian.AppendUint16(suite, aes128Gcm)
	contents = prefixed(contents, suite)
	// No longest name, the public one, no extensions.
	contents = append(contents, 0, byte(len(public)))
	contents = append(contents, public...)
	contents = append(contents, 0, 0)
	return prefixed([]byte{0xfe, 0x0d}, contents), key.Bytes(), nil
}

func list(config []byte) []byte {
	return prefixed(nil, config)
}

func prefixed(bytes, value []byte) []byte {
	bytes = binary.BigEndian.AppendUint16(bytes, uint16(len(value)))
	return append(bytes, value...)
}
