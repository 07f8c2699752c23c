package cap

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestLoadClientCertificate_ReadsBothNamingsAndAllKeyForms(t *testing.T) {
	ca := newAuthority(t, "client CA")
	ec, rsaKey := newKey(t), newRSAKey(t)
	ecDER, err := x509.MarshalECPrivateKey(ec)
	if err != nil {
		t.Fatal(err)
	}
	from, to := noon.AddDate(-1, 0, 0), noon.AddDate(1, 0, 0)
	ecCert, rsaCert := ca.client(t, ec, from, to), ca.client(t, rsaKey, from, to)
	ecTraditional := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: ecDER})
	parameters := pem.EncodeToMemory(&pem.Block{Type: "EC PARAMETERS", Bytes: []byte{6, 0}})

	for _, test := range []struct {
		name  string
		data  map[string][]byte
		roots bool // a pool of authorities is expected
		chain int  // number of certificates sent to the portal
	}{
		{"kubernetes.io/tls with PKCS#8", map[string][]byte{"tls.crt": ecCert, "tls.key": keyPEM(t, ec), "ca.crt": ca.pem()}, true, 1},
		{"cap-token-refresh with a traditional RSA key", map[string][]byte{"cap.pem": rsaCert,
			"cap.key": pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(rsaKey)}), "ca-chain.cert.pem": ca.pem()}, true, 1},
		{"a traditional EC key after its parameters", map[string][]byte{"cap.pem": ecCert, "cap.key": append(parameters, ecTraditional...)}, false, 1},
		{"no authorities", map[string][]byte{"tls.crt": ecCert, "tls.key": keyPEM(t, ec)}, false, 1},
		{"blank authorities are none", map[string][]byte{"tls.crt": ecCert, "tls.key": keyPEM(t, ec), "ca.crt": []byte(" \n")}, false, 1},
		{"text around the PEM blocks, as openssl prints it", map[string][]byte{"tls.crt": append([]byte("Bag Attributes\n  x: y\n"), ecCert...), "tls.key": keyPEM(t, ec)}, false, 1},
		{"a chain", map[string][]byte{"tls.crt": append(bytes.Clone(ecCert), ca.pem()...), "tls.key": keyPEM(t, ec)}, false, 2},
		{"a complete pair counts before half of the other", map[string][]byte{"tls.crt": rsaCert, "cap.pem": ecCert, "cap.key": keyPEM(t, ec)}, false, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, bad := LoadClientCertificate(test.data, noon)
			if bad != nil {
				t.Fatal(bad)
			}
			if (c.RootCAs != nil) != test.roots || len(c.TLS.Certificate) != test.chain {
				t.Errorf("authorities %v, %d certificates; want %v and %d", c.RootCAs != nil, len(c.TLS.Certificate), test.roots, test.chain)
			}
			if c.Subject != "CN=npe.cluster.example,O=Agency" || !c.NotAfter.Equal(to) {
				t.Errorf("subject %q, not after %v", c.Subject, c.NotAfter)
			}
			if shown := fmt.Sprintf("%v %+v %#v %v", c, *c, c, Config{Certificate: c.TLS}); strings.Contains(shown, "PrivateKey") {
				t.Errorf("the key shows in %q", shown)
			}
		})
	}
}

func TestLoadClientCertificate_GivesEveryFaultItsReason(t *testing.T) {
	ca := newAuthority(t, "client CA")
	key, other := newKey(t), newKey(t)
	from, to := noon.AddDate(-1, 0, 0), noon.AddDate(1, 0, 0)
	cert := ca.client(t, key, from, to)
	with := func(cert, key []byte) map[string][]byte { return map[string][]byte{"cap.pem": cert, "cap.key": key} }
	rfc1423 := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: []byte("x"),
		Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"}})
	pkcs8 := pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")})

	for _, test := range []struct {
		name   string
		data   map[string][]byte
		reason CertificateReason
		says   string // part of the message
		dated  bool   // the certificate comes with the error
	}{
		{"an empty Secret", nil, CertificateMissing, "neither", false},
		{"a Secret of something else", map[string][]byte{"token": []byte("x")}, CertificateMissing, "neither", false},
		{"no key", with(cert, nil), CertificateMissing, "cap.key is missing", false},
		{"no certificate", map[string][]byte{"tls.crt": {}, "tls.key": keyPEM(t, key)}, CertificateMissing, "tls.crt is missing", false},
		{"a certificate that is text", with([]byte("YourCertificate"), keyPEM(t, key)), CertificateInvalid, "cap.pem", false},
		{"a certificate that is PKCS#12", with([]byte{0x30, 0x82, 1, 2}, keyPEM(t, key)), CertificateInvalid, "PKCS#12", false},
		{"a certificate of garbage", with(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}), keyPEM(t, key)), CertificateInvalid, "does not parse", false},
		{"a key that is text", with(cert, []byte("YourKey")), CertificateInvalid, "cap.key", false},
		{"a key of garbage", with(cert, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")})), CertificateInvalid, "does not parse", false},
		{"a key in the traditional encrypted form", with(cert, rfc1423), CertificateKeyEncrypted, "openssl pkey", false},
		{"a key in encrypted PKCS#8", with(cert, pkcs8), CertificateKeyEncrypted, "openssl pkey", false},
		{"another certificate's key", with(cert, keyPEM(t, other)), CertificateKeyMismatch, "does not belong", false},
		{"a key of another kind", with(cert, keyPEM(t, newRSAKey(t))), CertificateKeyMismatch, "does not belong", false},
		{"authorities that are text", map[string][]byte{"cap.pem": cert, "cap.key": keyPEM(t, key), "ca-chain.cert.pem": []byte("x")}, CertificateInvalid, "ca-chain.cert.pem", false},
		{"valid from tomorrow", with(ca.client(t, key, noon.AddDate(0, 0, 1), to), keyPEM(t, key)), CertificateNotYetValid, "2026-11-21T12:00:00Z", true},
		{"expired yesterday", with(ca.client(t, key, from, noon.AddDate(0, 0, -1)), keyPEM(t, key)), CertificateExpired, "2026-11-19T12:00:00Z", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, bad := LoadClientCertificate(test.data, noon)
			if bad == nil || bad.Reason != test.reason || !strings.Contains(bad.Message, test.says) {
				t.Fatalf("error %v, want %s that says %q", bad, test.reason, test.says)
			}
			if (c != nil) != test.dated {
				t.Errorf("certificate returned: %v, want %v", c != nil, test.dated)
			}
		})
	}
}

func TestExpiringSoon_LeavesTimeForPeopleToIssueAnother(t *testing.T) {
	day := 24 * time.Hour
	for _, test := range []struct {
		name          string
		validity, age time.Duration
		want          bool
	}{
		{"a year's certificate with two months left", 365 * day, 305 * day, false},
		{"a year's certificate with a month left", 365 * day, 335 * day, true},
		{"a day's certificate that is half a day old", day, day / 2, false},
		{"a day's certificate with an eighth left", day, day * 7 / 8, true},
		{"an expired one", 365 * day, 366 * day, true},
	} {
		c := &ClientCertificate{NotBefore: noon, NotAfter: noon.Add(test.validity), TLS: tls.Certificate{}}
		if got := c.ExpiringSoon(noon.Add(test.age)); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

// FuzzLoadClientCertificate: whatever is in the Secret, a certificate is either usable as it is, or refused in our own words.
func FuzzLoadClientCertificate(f *testing.F) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		f.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: noon.AddDate(-1, 0, 0), NotAfter: noon.AddDate(1, 0, 0)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		f.Fatal(err)
	}
	goodCert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
	goodKey := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	f.Add(goodCert, goodKey, goodCert)
	f.Add(append(goodKey, goodCert...), append(goodCert, goodKey...), []byte{})
	f.Add(goodCert, []byte("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"), []byte("x"))
	f.Add([]byte{0x30, 0x82, 1, 2}, goodKey, goodCert)
	f.Add(goodCert, []byte("-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END EC PRIVATE KEY-----\n"), []byte{})
	messages := map[string]bool{}
	f.Fuzz(func(t *testing.T, cert, key, ca []byte) {
		c, bad := LoadClientCertificate(map[string][]byte{"tls.crt": cert, "tls.key": key, "ca.crt": ca}, noon)
		if bad != nil {
			if bad.Reason != CertificateNotYetValid && bad.Reason != CertificateExpired { // these tell a date
				messages[bad.Message] = true
			}
			if len(messages) > 32 {
				t.Errorf("more than 32 different messages: %q may quote the Secret", bad.Message)
			}
			return
		}
		signer, ok := c.TLS.PrivateKey.(crypto.Signer)
		if !ok || !signer.Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(c.TLS.Leaf.PublicKey) {
			t.Error("the key is not the certificate's")
		}
		if noon.Before(c.NotBefore) || noon.After(c.NotAfter) {
			t.Errorf("it is taken for valid from %s to %s", c.NotBefore, c.NotAfter)
		}
		if (c.RootCAs == nil) != (len(strings.TrimSpace(string(ca))) == 0) {
			t.Error("authorities were lost, or came from nowhere")
		}
	})
}

// The operator parses a certificate again when one of these has changed.
func TestCertificateKeys_AreAllThatACertificateIsReadFrom(t *testing.T) {
	got := CertificateKeys()
	slices.Sort(got)
	if want := []string{"ca-chain.cert.pem", "ca.crt", "cap.key", "cap.pem", "tls.crt", "tls.key"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
