package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// running is the running command.
type running struct {
	t      *testing.T
	lines  []string // up to the one that says that everything is running
	stop   context.CancelFunc
	result chan error
}

// launch runs the command until everything listens.
func launch(t *testing.T, arguments ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{t: t, stop: cancel, result: make(chan error, 1)}
	reader, writer := io.Pipe()
	command := newCommand()
	command.SetArgs(arguments)
	command.SetOut(writer)
	go func() {
		err := command.ExecuteContext(ctx)
		_ = writer.Close()
		r.result <- err
	}()
	scanner := bufio.NewScanner(reader)
	for scanner.Scan() {
		r.lines = append(r.lines, scanner.Text())
		if strings.Contains(scanner.Text(), "Ctrl-C") {
			return r
		}
	}
	cancel()
	t.Fatalf("sim %v ended: %v", arguments, <-r.result)
	return nil
}

// end interrupts the command.
func (r *running) end() {
	r.t.Helper()
	r.stop()
	if err := <-r.result; err != nil {
		r.t.Errorf("after the interrupt: %v", err)
	}
}

// find returns a line of a part without its first word.
func (r *running) find(part, word string) string {
	r.t.Helper()
	within := false
	for _, line := range r.lines {
		if !strings.HasPrefix(line, "  ") {
			within = line == part
		} else if rest, found := strings.CutPrefix(line, "  "+word+" "); within && found {
			return strings.TrimSpace(rest)
		}
	}
	r.t.Fatalf("%s has no line %q:\n%s", part, word, strings.Join(r.lines, "\n"))
	return ""
}

// get fetches a URL with the files of the directory and decodes the JSON.
func get(t *testing.T, url, dir, caFile string, into any) {
	t.Helper()
	config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: x509.NewCertPool()}
	if caFile != "" {
		ca, err := os.ReadFile(filepath.Join(dir, caFile))
		if err != nil || !config.RootCAs.AppendCertsFromPEM(ca) {
			t.Fatalf("%s: %v", caFile, err)
		}
		pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "cap.pem"), filepath.Join(dir, "cap.key"))
		if err != nil {
			t.Fatal(err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	transport := &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}
	response, err := (&http.Client{Transport: transport}).Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		t.Fatalf("GET %s: status %d, %v", url, response.StatusCode, err)
	}
}

func TestCAP_TheCommandThatItPrintsWorks(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "files")
	r := launch(t, "cap", "--dir", dir, "--cap-role", "storage=210987654321", "--cap-agency", "A", "--cap-mission", "B & C")
	defer r.end()
	words := strings.Fields(r.find("CAP", "try"))
	var answer struct{ Credentials struct{ AccessKeyID string } }
	get(t, strings.Trim(words[len(words)-1], "'"), dir, "ca-chain.cert.pem", &answer)
	if !strings.HasPrefix(answer.Credentials.AccessKeyID, "ASIA") {
		t.Errorf("no credential: %+v", answer)
	}
	if info, err := os.Stat(filepath.Join(dir, "cap.key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key file: %v, %v", info.Mode(), err)
	}
}

func TestSTS_UsesACAPInAnotherProcess(t *testing.T) {
	portal := launch(t, "cap")
	defer portal.end()
	service := launch(t, "sts", "--cap-control-url", portal.find("CAP", "control"))
	defer service.end()
	var state struct{ Running bool }
	get(t, service.find("STS", "control")+"/state", "", "", &state)
	if !state.Running {
		t.Error("it is not running")
	}
	command := newCommand()
	command.SetArgs([]string{"sts"})
	command.SetOut(io.Discard)
	if err := command.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), "--cap-control-url") {
		t.Errorf("without a CAP simulator: %v", err)
	}
}

func TestOCM_HasAnAccountWithClusters(t *testing.T) {
	dir := t.TempDir()
	r := launch(t, "ocm", "--ocm-clusters", "4", "--dir", dir)
	defer r.end()
	var state struct{ Accounts, Clusters []any }
	get(t, r.find("OCM", "control")+"/state", "", "", &state)
	if len(state.Accounts) != 1 || len(state.Clusters) != 4 {
		t.Errorf("%d accounts, %d clusters", len(state.Accounts), len(state.Clusters))
	}
	var document struct{ Auths map[string]any }
	raw, err := os.ReadFile(filepath.Join(dir, "pull-secret.json"))
	if err != nil || json.Unmarshal(raw, &document) != nil || len(document.Auths) == 0 {
		t.Errorf("no pull secret: %v", err)
	}
}

// pull requests a manifest from a registry through the proxy, as a cluster does, with the credentials of a pull secret.
func pull(t *testing.T, r *running, image, pullSecret string) error {
	t.Helper()
	raw, err := os.ReadFile(pullSecret)
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Auths map[string]authn.AuthConfig
	}
	if err := json.Unmarshal(raw, &document); err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(image)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(r.find("Registries", "trust"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	proxy, err := url.Parse(r.find("Proxy", "service"))
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}}
	defer transport.CloseIdleConnections()
	_, err = remote.Head(ref, remote.WithTransport(transport), remote.WithContext(t.Context()),
		remote.WithAuth(authn.FromConfig(document.Auths[ref.Context().RegistryStr()])))
	return err
}

func TestRegistry_AcceptsWhatTheFileHas(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pull-secret.json")
	write := func(password string) {
		auth := base64.StdEncoding.EncodeToString([]byte("user:" + password))
		if err := os.WriteFile(file, []byte(`{"auths": {"quay.io": {"auth": "`+auth+`"}}}`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("first")
	r := launch(t, "registry", "--pull-secret", file)
	defer r.end()
	image := r.find("Registries", "image")
	if err := pull(t, r, image, file); err != nil {
		t.Errorf("with the credentials of the file: %v", err)
	}
	old := filepath.Join(t.TempDir(), "old.json")
	raw, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(old, raw, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	write("second")
	if err := pull(t, r, image, old); err == nil {
		t.Error("credentials that the file no longer has were accepted")
	}
}

func TestAll_RegistriesAcceptThePullSecretOfTheAccount(t *testing.T) {
	dir := t.TempDir()
	r := launch(t, "all", "--dir", dir)
	defer r.end()
	if err := pull(t, r, r.find("Registries", "image"), filepath.Join(dir, "pull-secret.json")); err != nil {
		t.Error(err)
	}
}

func TestAll_ShareAClockAndLeaveNothingBehind(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	r := launch(t, "all")
	if left, err := os.ReadDir(temporary); err != nil || len(left) != 1 {
		t.Errorf("%d directories while running: %v", len(left), err)
	}
	advance := func(control string) {
		response, err := http.Post(control+"/advance", "application/json", strings.NewReader(`{"by": "24000h"}`))
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
	}
	var before, after struct{ Now string }
	get(t, r.find("STS", "control")+"/state", "", "", &before)
	advance(r.find("CAP", "control"))
	get(t, r.find("STS", "control")+"/state", "", "", &after)
	if before.Now[:4] >= after.Now[:4] {
		t.Errorf("CAP's clock advanced by years, that of STS from %s to %s", before.Now, after.Now)
	}
	r.find("OCM", "control")
	r.end()
	if left, err := os.ReadDir(temporary); err != nil || len(left) != 0 {
		t.Errorf("%d directories left behind: %v", len(left), err)
	}
}

func TestCommand_EndsWhenAnAddressIsTaken(t *testing.T) {
	r := launch(t, "cap")
	defer r.end()
	command := newCommand()
	command.SetArgs([]string{"cap", "--cap-control", strings.TrimPrefix(r.find("CAP", "control"), "http://")})
	command.SetOut(io.Discard)
	if err := command.ExecuteContext(t.Context()); err == nil {
		t.Error("no error")
	}
}
