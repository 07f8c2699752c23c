package registry

import (
	"strings"
	"testing"
)

// FuzzTarget: whatever a pull secret calls a registry and whatever the image is, the credential goes to one host by TLS, and the image is on it.
func FuzzTarget(f *testing.F) {
	for _, seed := range [][2]string{
		{"quay.io", "quay.io/org/app:1"}, {"https://index.docker.io/v1/", "library/busybox"}, {"localhost:5000", "localhost:5000/a@sha256:" + strings.Repeat("a", 64)},
		{"user@quay.io", ""}, {"http://127.0.0.1:1/x", "127.0.0.1:1/x:y"}, {"[::1]:443", ""}, {"quay.io#evil.example.com", "quay.io/a:b"}, {"://", ""}, {"a\nb", ""},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, key, image string) {
		got, err := parse(key, image)
		if err != nil {
			return
		}
		host := got.registry.RegistryStr()
		if host == "" || strings.ContainsAny(host, "@/?# \t\r\n\x00") {
			t.Fatalf("the credential for %q goes to %q", key, host)
		}
		if host != Host(key) {
			t.Fatalf("the credential for %q, of the host %q, goes to %q", key, Host(key), host)
		}
		if image != "" && (got.image == nil || got.image.Context().RegistryStr() != host) {
			t.Fatalf("the image %q is asked for with the credential for %q", image, key)
		}
	})
}
