package manager

import (
	"bufio"
	"crypto/fips140"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/go-logr/logr"
	configv1 "github.com/openshift/api/config/v1"
	"k8s.io/client-go/rest"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/openshift/credential-rotation-operator/internal/tlsprofile"
)

// followed is the address of a server with the TLS configuration of the metrics endpoint.
func followed(t *testing.T) (*tlsFollower, string) {
	t.Helper()
	f := newTLSFollower()
	m, err := (&options{metricsSecure: true}).metricsOptions(f)
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{}
	for _, set := range m.TLSOpts {
		set(config)
	}
	inner := func(*rest.Config, *http.Client) (metricsserver.Filter, error) {
		return func(_ logr.Logger, next http.Handler) (http.Handler, error) { return next, nil }, nil
	}
	filter, err := f.filter(inner)(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	handler, err := filter(logr.Discard(), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "metrics") }))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(handler)
	server.Listener.Close()
	server.Listener = listener
	server.Config.ErrorLog = nil
	server.Start()
	t.Cleanup(server.Close)
	return f, listener.Addr().String()
}

func profile(name configv1.TLSProfileType, adherence string) tlsprofile.Settings {
	return tlsprofile.Of(&configv1.TLSSecurityProfile{Type: name}, adherence)
}

// One server is asked by clients of each version and of strong and weak suites, while the cluster's profile goes from Old to Modern and
// back; FIPS mode takes away what is older than TLS 1.2.
func TestMetrics_FollowTheTLSProfileAtEachHandshake(t *testing.T) {
	f, address := followed(t)
	strong, weak := tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA
	type client struct {
		version, suite uint16
	}
	clients := []client{{tls.VersionTLS10, weak}, {tls.VersionTLS11, weak}, {tls.VersionTLS12, weak}, {tls.VersionTLS12, strong}, {tls.VersionTLS13, 0}}
	for _, row := range []struct {
		settings tlsprofile.Settings
		// allowed are those clients, in their order, that are let in.
		allowed []bool
	}{
		{profile("Old", ""), []bool{true, true, true, true, true}},
		{profile("Intermediate", ""), []bool{false, false, false, true, true}},
		{profile("Modern", "StrictAllComponents"), []bool{false, false, false, false, true}},
		{profile("Modern", "LegacyAdheringComponentsOnly"), []bool{false, false, false, true, true}},
		{profile("Old", "StrictAllComponents"), []bool{true, true, true, true, true}},
	} {
		f.use(row.settings)
		for i, c := range clients {
			config := &tls.Config{InsecureSkipVerify: true, MinVersion: c.version, MaxVersion: c.version}
			if c.suite != 0 {
				config.CipherSuites = []uint16{c.suite}
			}
			conn, err := tls.Dial("tcp", address, config)
			if err == nil {
				_ = conn.Close() // the handshake was all
			}
			want := row.allowed[i] && (!fips140.Enabled() || c.version >= tls.VersionTLS12 && c.suite != weak)
			if (err == nil) != want {
				t.Errorf("profile %s: a client with %s and suite %x is let in: %t, want %t (%v)", row.settings.Profile, tls.VersionName(c.version), c.suite, err == nil, want, err)
			}
		}
	}
}

func TestMetrics_FollowTheTLSProfileThatIsKnownBeforeTheyAreServed(t *testing.T) {
	f, server := newTLSFollower(), &tls.Config{}
	f.use(profile("Modern", ""))
	f.serve(server)
	if c, err := server.GetConfigForClient(nil); err != nil || c == nil || c.MinVersion != tls.VersionTLS13 {
		t.Errorf("the first handshake uses %+v (%v), want TLS 1.3", c, err)
	}
}

func TestMetrics_EndAConnectionThatTheProfileDoesNotAllowAnyMore(t *testing.T) {
	f, address := followed(t)
	conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	reader := bufio.NewReader(conn)
	var closed []bool
	for _, name := range []configv1.TLSProfileType{"Intermediate", "Modern"} {
		f.use(profile(name, ""))
		closed = append(closed, ask(t, conn, reader))
	}
	if !slices.Equal(closed, []bool{false, true}) {
		t.Errorf("the connection was ended: %v, want it so after the change alone", closed)
	}
}

// ask sends a request over a connection, and tells whether the server ends it.
func ask(t *testing.T, conn net.Conn, reader *bufio.Reader) bool {
	t.Helper()
	request := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	if err := request.Write(conn); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(reader, request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err != nil || string(body) != "metrics" {
		t.Errorf("the answer is %q (%v), want the metrics", body, err)
	}
	return response.Close
}
