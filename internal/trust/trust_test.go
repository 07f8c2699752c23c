package trust

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

// authority is a server's own certificate, which a client must trust to talk to it.
func authority(t testing.TB) (*httptest.Server, []byte) {
	t.Helper()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	return server, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
}

func TestPool_AddsBundlesToTheSystems(t *testing.T) {
	_, bundle := authority(t)
	system := Pool()
	if !Pool(nil, []byte(" \n"), []byte("no certificate")).Equal(system) {
		t.Error("a bundle without a certificate changes what is trusted")
	}
	// An invalid one does not keep the next one out.
	with := Pool([]byte("no certificate"), bundle)
	if with.Equal(system) {
		t.Error("the bundle was not added")
	}
	without := Pool(bundle)
	if !with.Equal(without) {
		t.Error("the same authorities are not the same pool: clients would be recreated each time")
	}
}

func TestPool_IsMadeOncePerContentAndForgetsWhatIsOver(t *testing.T) {
	_, bundle := authority(t)
	first := Pool(bundle)
	if first != Pool(bundle) {
		t.Error("the same bundle is parsed twice")
	}
	if Pool(bundle[:10], bundle[10:]) == Pool(bundle) {
		t.Error("two bundles are taken for one")
	}
	for n := range 3 * maxPools {
		Pool([]byte{byte(n)})
	}
	if n := len(pools.pools); n > maxPools {
		t.Errorf("%d pools are kept", n)
	}
}

func TestPool_FollowsTheFileOfTheEnvironment(t *testing.T) {
	_, bundle := authority(t)
	file := filepath.Join(t.TempDir(), "ca-bundle.crt")
	t.Setenv("SSL_CERT_FILE", file)
	before := Pool()
	if err := os.WriteFile(file, bundle, 0o600); err != nil {
		t.Fatal(err)
	}
	if after := Pool(); after.Equal(before) || !after.Equal(Pool(bundle)) {
		t.Error("what the file holds now is not trusted")
	}
}

func TestCheck_RefusesTextWithoutACertificate(t *testing.T) {
	_, bundle := authority(t)
	for text, fine := range map[string]bool{"": true, " \n": true, string(bundle): true, "CANARY": false, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n": false} {
		if err := Check([]byte(text)); (err == nil) != fine {
			t.Errorf("%q: %v, want fine %t", text, err, fine)
		}
	}
}
