package cap

import (
	"encoding/pem"
	"strings"
	"testing"
)

// Each sign of an encrypted key is enough, because tools leave out the others.
func TestParseKey_RecognisesAnEncryptedKeyByEachOfItsSigns(t *testing.T) {
	for name, block := range map[string]*pem.Block{
		"PKCS#8":                       {Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte{1}},
		"the traditional header":       {Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED"}, Bytes: []byte{1}},
		"the cipher of that":           {Type: "RSA PRIVATE KEY", Headers: map[string]string{"DEK-Info": "AES-256-CBC,00"}, Bytes: []byte{1}},
		"both, as OpenSSL writes them": {Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"}, Bytes: []byte{1}},
	} {
		if _, err := parseKey("tls.key", pem.EncodeToMemory(block)); err == nil || err.Reason != CertificateKeyEncrypted {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := parseKey("tls.key", pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: []byte{1}})); err == nil || err.Reason != CertificateInvalid {
		t.Errorf("one that does not parse: %v", err)
	}
}

func TestHintPKCS12_IsForWhatBeginsAsASequence(t *testing.T) {
	for content, want := range map[string]bool{"": false, "\x30": false, "\x30\x82\x01": true, "\x30\x80": true, "\x30\x7f": false, "\x31\x82": false, "-----BEGIN": false, "0\x20": false} {
		if got := strings.Contains(hintPKCS12([]byte(content)), "openssl pkcs12"); got != want {
			t.Errorf("% x: it looks like DER: %v", content, got)
		}
	}
}
