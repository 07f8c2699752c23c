package bootstrap

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io/fs"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/cobra"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/openshift/credential-rotation-operator/internal/awscreds"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func testClock() *clocktesting.FakePassiveClock { return clocktesting.NewFakePassiveClock(noon) }

// canary is in every secret of these tests; wherever it appears, a secret has leaked.
const canary = "CANARY"

// credentialOf is what the CAPs of these tests return for a role.
func credentialOf(role string) awscreds.Credential {
	return awscreds.Credential{AccessKeyID: "ASIA" + canary + role, SecretAccessKey: "s/+" + canary + role, SessionToken: "t/" + canary + "=="}
}

// answerOf is the answer of a portal for a role.
func answerOf(role string) string {
	c := credentialOf(role)
	return fmt.Sprintf(`{"Credentials":{"AccessKeyId":%q,"SecretAccessKey":%q,"SessionToken":%q,"Expiration":"2026-11-20T13:00:00Z"}}`,
		c.AccessKeyID, c.SecretAccessKey, c.SessionToken)
}

// testPortal is a CAP with a client certificate for it in files.
type testPortal struct {
	URL, cert, key, ca string
	mutex              sync.Mutex
	asked              map[string]int // requests per role
	date               time.Time      // what its clock says
	expires            string         // in place of a time at which its credentials expire
}

// startPortal answers well for each role except those in refused.
func startPortal(t *testing.T, refused ...string) *testPortal {
	t.Helper()
	p := &testPortal{asked: map[string]int{}, date: noon}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		role := r.URL.Query().Get("role")
		p.mutex.Lock()
		p.asked[role]++
		w.Header().Set("Date", p.date.Format(http.TimeFormat))
		p.mutex.Unlock()
		if len(r.TLS.PeerCertificates) == 0 {
			_, _ = w.Write([]byte("<html>" + canary))
			return
		}
		w.Header().Set("Content-Type", "application/json")
		for _, bad := range refused {
			if role == bad {
				w.WriteHeader(http.StatusForbidden)
				return
			}
		}
		answer := answerOf(role)
		if p.expires != "" {
			answer = strings.Replace(answer, "2026-11-20T13:00:00Z", p.expires, 1)
		}
		_, _ = w.Write([]byte(answer))
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	server.StartTLS()
	t.Cleanup(server.Close)
	p.URL = server.URL + "/api/v1/credentials"
	dir := t.TempDir()
	p.cert, p.key, p.ca = filepath.Join(dir, "cap.pem"), filepath.Join(dir, "cap.key"), filepath.Join(dir, "ca.pem")
	writeFile(t, p.ca, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	writeClientCertificate(t, p.cert, p.key, noon.AddDate(1, 0, 0))
	return p
}

// flags are those that both commands need to ask this portal.
func (p *testPortal) flags() []string {
	return []string{"--url", p.URL, "--agency", "A", "--mission", "M", "--cert", p.cert, "--key", p.key, "--ca", p.ca}
}

// writeClientCertificate writes a certificate that is valid for a year before notAfter.
func writeClientCertificate(t *testing.T, certPath, keyPath string, notAfter time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "npe"}, NotBefore: notAfter.AddDate(-1, 0, 0), NotAfter: notAfter}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, certPath, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	writeFile(t, keyPath, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})))
}

// execute runs a command and returns all its output. It fails the test when a secret was printed or is in the error.
func execute(t *testing.T, cmd *cobra.Command, stdin string, args ...string) (output string, err error) {
	t.Helper()
	var out bytes.Buffer
	cmd.SetArgs(args)
	cmd.SetIn(strings.NewReader(stdin))
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	err = cmd.ExecuteContext(t.Context())
	if printed := fmt.Sprintf("%s %v", out.String(), err); strings.Contains(printed, canary) || strings.Contains(printed, "PRIVATE KEY") {
		t.Errorf("a secret is printed: %s", printed)
	}
	return out.String(), err
}

// snapshot is the content and mode of every file below a directory.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		files[name] = fmt.Sprintf("%o\n%s", info.Mode().Perm(), content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
