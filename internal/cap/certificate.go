package cap

// The client certificate in a Secret, under the key names of kubernetes.io/tls or of cap-token-refresh. Its possible faults are distinguished
// here, because CAP answers all of them with the same HTML page.

import (
	"crypto"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"time"
)

// CertificateReason says what is wrong with a client certificate; the strings are condition reasons.
type CertificateReason string

const (
	// CertificateMissing: the Secret has no complete pair of keys under either naming.
	CertificateMissing CertificateReason = "CertificateMissing"
	// CertificateInvalid: a value is not valid PEM.
	CertificateInvalid CertificateReason = "CertificateInvalid"
	// CertificateKeyEncrypted: the private key needs a passphrase.
	CertificateKeyEncrypted CertificateReason = "CertificateKeyEncrypted"
	// CertificateKeyMismatch: the private key belongs to another certificate.
	CertificateKeyMismatch CertificateReason = "CertificateKeyMismatch"
	// CertificateNotYetValid: it becomes valid later.
	CertificateNotYetValid CertificateReason = "CertificateNotYetValid"
	// CertificateExpired: it has expired.
	CertificateExpired CertificateReason = "CertificateExpired"
)

// CertificateError says what is wrong with a client certificate. It holds nothing of the key.
type CertificateError struct {
	Reason  CertificateReason
	Message string
}

// Error implements error.
func (e *CertificateError) Error() string { return string(e.Reason) + ": " + e.Message }

// ClientCertificate is a client certificate with its details.
type ClientCertificate struct {
	TLS tls.Certificate
	// RootCAs are the authorities in the same Secret, which replace the system's; nil if it has none.
	RootCAs *x509.CertPool
	// CAs are RootCAs in PEM form, as in the Secret.
	CAs []byte
	// Fingerprint is the SHA-256 of the certificate, in hexadecimal.
	Fingerprint string
	// Subject in the form of RFC 2253.
	Subject             string
	NotBefore, NotAfter time.Time
}

// String shows the subject and never the key.
func (c ClientCertificate) String() string { return "client certificate " + c.Subject }

// GoString shows the subject and never the key.
func (c ClientCertificate) GoString() string { return c.String() }

// expiryWarning is how long before its expiry a certificate counts as expiring soon: in these networks people issue machine certificates on
// request, which takes weeks.
const expiryWarning = 30 * 24 * time.Hour

// ExpiringSoon is true if at most a month of the validity is left, or at most a third of it for a certificate issued for less than three months.
func (c *ClientCertificate) ExpiringSoon(now time.Time) bool {
	warning := min(expiryWarning, c.NotAfter.Sub(c.NotBefore)/3)
	return !now.Before(c.NotAfter.Add(-warning))
}

// namings of the data keys: certificate and private key, and the authorities' in the same order of preference.
var (
	namings = [][2]string{{"tls.crt", "tls.key"}, {"cap.pem", "cap.key"}}
	caNames = []string{"ca.crt", "ca-chain.cert.pem"}
)

// CertificateKeys are the data keys that a client certificate is read from: whatever differs in none of them is the same one.
func CertificateKeys() []string {
	keys := slices.Clone(caNames)
	for _, n := range namings {
		keys = append(keys, n[:]...)
	}
	return keys
}

// LoadClientCertificate reads a client certificate from the data of a Secret. With CertificateNotYetValid and CertificateExpired the certificate is
// returned too, so that its dates can be shown.
func LoadClientCertificate(data map[string][]byte, now time.Time) (*ClientCertificate, *CertificateError) {
	c, err := ParseClientCertificate(data)
	if err != nil {
		return nil, err
	}
	return c, c.Judge(now)
}

// ParseClientCertificate reads a client certificate whatever the time. A complete pair of keys takes precedence over an incomplete one. It costs
// about a millisecond, so who looks often parses once for each content.
func ParseClientCertificate(data map[string][]byte) (*ClientCertificate, *CertificateError) {
	certName, keyName, err := findNaming(data)
	if err != nil {
		return nil, err
	}
	chain, leaf, err := parseChain(certName, data[certName])
	if err != nil {
		return nil, err
	}
	key, err := parseKey(keyName, data[keyName])
	if err != nil {
		return nil, err
	}
	if public, ok := leaf.PublicKey.(interface{ Equal(crypto.PublicKey) bool }); !ok || !public.Equal(key.Public()) {
		return nil, &CertificateError{CertificateKeyMismatch, fmt.Sprintf("the private key in %s does not belong to the first certificate in %s", keyName, certName)}
	}
	roots, cas, err := parseRoots(data)
	if err != nil {
		return nil, err
	}
	return &ClientCertificate{
		TLS:         tls.Certificate{Certificate: chain, PrivateKey: key, Leaf: leaf},
		RootCAs:     roots,
		CAs:         cas,
		Fingerprint: fingerprint(chain[0]),
		Subject:     leaf.Subject.String(),
		NotBefore:   leaf.NotBefore,
		NotAfter:    leaf.NotAfter,
	}, nil
}

// Judge says why the certificate cannot be used at a time; nil if it can.
func (c *ClientCertificate) Judge(now time.Time) *CertificateError {
	switch {
	case now.Before(c.NotBefore):
		return &CertificateError{CertificateNotYetValid, fmt.Sprintf("it is not valid before %s", c.NotBefore.UTC().Format(time.RFC3339))}
	case now.After(c.NotAfter):
		return &CertificateError{CertificateExpired, fmt.Sprintf("it expired at %s", c.NotAfter.UTC().Format(time.RFC3339))}
	}
	return nil
}

// findNaming returns the pair of data keys to read, or says which one is missing.
func findNaming(data map[string][]byte) (string, string, *CertificateError) {
	present := func(name string) bool { return len(strings.TrimSpace(string(data[name]))) > 0 }
	var half string
	for _, n := range namings {
		switch certificate, key := present(n[0]), present(n[1]); {
		case certificate && key:
			return n[0], n[1], nil
		case certificate && half == "":
			half = fmt.Sprintf("it has %s, and %s is missing or empty", n[0], n[1])
		case key && half == "":
			half = fmt.Sprintf("it has %s, and %s is missing or empty", n[1], n[0])
		}
	}
	if half != "" {
		return "", "", &CertificateError{CertificateMissing, half}
	}
	return "", "", &CertificateError{CertificateMissing, "it has neither tls.crt and tls.key nor cap.pem and cap.key"}
}

// parseChain reads the certificates; the first is the client's own, the others are sent with it to CAP.
func parseChain(name string, content []byte) ([][]byte, *x509.Certificate, *CertificateError) {
	var chain [][]byte
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			chain = append(chain, block.Bytes)
		}
	}
	if len(chain) == 0 {
		return nil, nil, &CertificateError{CertificateInvalid, name + " holds no certificate in PEM form" + hintPKCS12(content)}
	}
	leaf, err := x509.ParseCertificate(chain[0])
	if err != nil {
		return nil, nil, &CertificateError{CertificateInvalid, "the first certificate in " + name + " does not parse"}
	}
	return chain, leaf, nil
}

// parseKey reads the private key in any of its three usual forms.
func parseKey(name string, content []byte) (crypto.Signer, *CertificateError) {
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		if !strings.HasSuffix(block.Type, "PRIVATE KEY") {
			continue // "EC PARAMETERS", or the certificate in the same file
		}
		// PKCS#8 shows encryption in the block's type, the traditional form (RFC 1423) in a header.
		if block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") || block.Headers["DEK-Info"] != "" {
			return nil, &CertificateError{CertificateKeyEncrypted,
				"the private key in " + name + " is encrypted, and the operator cannot ask for its passphrase. Store it decrypted: (umask 077; openssl pkey -in encrypted.key -out decrypted.key)"}
		}
		if signer := parseSigner(block.Bytes); signer != nil {
			return signer, nil
		}
		return nil, &CertificateError{CertificateInvalid, "the private key in " + name + " does not parse"}
	}
	return nil, &CertificateError{CertificateInvalid, name + " holds no private key in PEM form" + hintPKCS12(content)}
}

func parseSigner(der []byte) crypto.Signer {
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		signer, _ := key.(crypto.Signer)
		return signer
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key
	}
	if key, err := x509.ParseECPrivateKey(der); err == nil {
		return key
	}
	return nil
}

// parseRoots reads the authorities, if there are any. Like OpenSSL it ignores those that do not parse as long as others do.
func parseRoots(data map[string][]byte) (*x509.CertPool, []byte, *CertificateError) {
	for _, name := range caNames {
		if len(strings.TrimSpace(string(data[name]))) == 0 {
			continue
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(data[name]) {
			return nil, nil, &CertificateError{CertificateInvalid, name + " holds no certificate in PEM form"}
		}
		return pool, data[name], nil
	}
	return nil, nil, nil
}

func fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

// hintPKCS12 helps people who stored a .p12 or DER file: both begin with an ASN.1 sequence.
func hintPKCS12(content []byte) string {
	if len(content) > 1 && content[0] == 0x30 && content[1] >= 0x80 {
		return "; it looks like DER or PKCS#12. To convert it: (umask 077; openssl pkcs12 -in file.p12 -nodes -out file.pem)"
	}
	return ""
}
