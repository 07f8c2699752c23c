package trust

import (
	"crypto/x509"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The system's authorities are read once in a process, so each case has a process of its own: itself, with TRUST_BUNDLE set.
func TestPool_HasTheSystemsAuthoritiesWhereThereAreAny(t *testing.T) {
	if file, child := os.LookupEnv("TRUST_BUNDLE"); child {
		judgeSystem(t, file)
		return
	}
	_, bundle := authority(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(file, bundle, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, env := range map[string][]string{
		"an image without any":    {"SSL_CERT_FILE=/", "SSL_CERT_DIR=/nowhere"}, // a folder cannot be read as a file
		"a folder of authorities": {"SSL_CERT_FILE=/nowhere", "SSL_CERT_DIR=" + dir},
	} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
		cmd.Env = append(append(os.Environ(), env...), "TRUST_BUNDLE="+file)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// judgeSystem expects the one authority, from the system or from the bundle.
func judgeSystem(t *testing.T, file string) {
	bundle, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := x509.NewCertPool()
	want.AppendCertsFromPEM(bundle)
	if _, err := x509.SystemCertPool(); err != nil {
		if got := Pool(bundle); !got.Equal(want) {
			t.Error("without the system's authorities the bundle's are not trusted")
		}
		return
	}
	if got := Pool(); !got.Equal(want) {
		t.Error("the system's authorities are not trusted")
	}
}

func TestMemo_KeepsAsManyPoolsAsItMay(t *testing.T) {
	var m memo
	made := 0
	pool := func(n int) *x509.CertPool {
		return m.of([][]byte{{byte(n)}}, func([][]byte) *x509.CertPool { made++; return x509.NewCertPool() })
	}
	for range 2 {
		for n := range maxPools {
			pool(n)
		}
	}
	if made != maxPools {
		t.Errorf("%d pools were made for %d contents of the same length", made, maxPools)
	}
	if pool(maxPools); len(m.pools) != 1 {
		t.Errorf("one more, and %d are kept", len(m.pools))
	}
}
