package cap

import (
	"crypto/fips140"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"
)

func configured(t *testing.T, change func(*Config)) (*Client, error) {
	t.Helper()
	cfg := Config{URL: "https://cap.example/api", Agency: "A&B", Mission: "a mission", RootsFrom: "the CA in Secret x"}
	if change != nil {
		change(&cfg)
	}
	c, err := New(cfg)
	if err == nil {
		t.Cleanup(c.Close)
	}
	return c, err
}

func TestNew_TakesOnlyWhatCanBeAsked(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*Config)
		says   string
	}{
		"all that is needed":         {nil, ""},
		"the other dialect":          {func(c *Config) { c.Dialect = SC2S }, ""},
		"a parameter of its own":     {func(c *Config) { c.ExtraParameters = map[string]string{"x": "y"} }, ""},
		"an unknown dialect":         {func(c *Config) { c.Dialect = "C3S" }, "neither C2S nor SC2S"},
		"no agency":                  {func(c *Config) { c.Agency = "" }, "agency and mission"},
		"no mission":                 {func(c *Config) { c.Mission = "" }, "agency and mission"},
		"a parameter of the dialect": {func(c *Config) { c.ExtraParameters = map[string]string{"role": "y"} }, "field of its own"},
		"a parameter without a name": {func(c *Config) { c.ExtraParameters = map[string]string{"": "y"} }, "field of its own"},
		"no URL":                     {func(c *Config) { c.URL = "https://cap.example:x" }, "does not parse"},
		"plain HTTP":                 {func(c *Config) { c.URL = "http://cap.example" }, "absolute https"},
		"no host":                    {func(c *Config) { c.URL = "https://:443/api" }, "absolute https"},
		"a user":                     {func(c *Config) { c.URL = "https://u@cap.example" }, "no user"},
		"a query":                    {func(c *Config) { c.URL = "https://cap.example?x" }, "no user"},
		"an empty query":             {func(c *Config) { c.URL = "https://cap.example?" }, "no user"},
		"a fragment":                 {func(c *Config) { c.URL = "https://cap.example#x" }, "no user"},
	} {
		if _, err := configured(t, row.change); (err != nil) != (row.says != "") || err != nil && !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNew_FillsInWhatIsLeftOut(t *testing.T) {
	c, _ := configured(t, nil)
	if c.timeout != 30*time.Second || c.dialect != C2S || c.older == nil || c.deniedByFIPS || c.clock.Now().IsZero() || c.proxy != nil {
		t.Errorf("it is %+v", c)
	}
	c, _ = configured(t, func(c *Config) {
		c.Timeout, c.TLS.RSAKeyExchange, c.TLS.MinVersion = time.Second, true, tls.VersionTLS13
	})
	if c.timeout != time.Second || c.older != nil || c.deniedByFIPS != fips140.Enabled() {
		t.Errorf("it is %+v", c)
	}
	for dialect, want := range map[Dialect]string{
		C2S: "https://cap.example/api?agency=A%26B&mission=a%20mission&role=r%20s&x=y", SC2S: "https://cap.example/api?accountName=a%20mission&agency=A%26B&roleName=r%20s&x=y",
	} {
		c, _ := configured(t, func(c *Config) { c.Dialect, c.ExtraParameters = dialect, map[string]string{"x": "y"} })
		if got := c.requestURL("r s").String(); got != want {
			t.Errorf("%s asks %s, want %s", dialect, got, want)
		}
	}
}

// Some servers need what Go leaves out, and none needs less than TLS 1.2.
func TestTLS_OffersWhatTheSpecAllows(t *testing.T) {
	for _, row := range []struct {
		min, max, lowest uint16
		older            bool
	}{
		{0, 0, tls.VersionTLS12, true},
		{tls.VersionTLS12, tls.VersionTLS13, tls.VersionTLS12, true},
		{tls.VersionTLS10, 0, tls.VersionTLS12, true},
		{0, tls.VersionTLS12, tls.VersionTLS12, false},
		{tls.VersionTLS13, 0, tls.VersionTLS13, false},
	} {
		s := TLS{MinVersion: row.min, MaxVersion: row.max}
		if s.minVersion() != row.lowest || s.older() != row.older {
			t.Errorf("from %x to %x: the lowest is %x, and an older connection is possible: %v", row.min, row.max, s.minVersion(), s.older())
		}
	}
	if s := (TLS{}).cipherSuites(); s != nil {
		t.Errorf("without a word Go's own list is replaced by %v", s)
	}
	with := TLS{RSAKeyExchange: true}.cipherSuites()
	for _, s := range tls.CipherSuites() {
		if !slices.Contains(with, s.ID) {
			t.Errorf("with RSA key exchange %s is missing", s.Name)
		}
	}
	if !slices.Contains(with, tls.TLS_RSA_WITH_AES_256_GCM_SHA384) {
		t.Error("RSA key exchange is not offered")
	}
	var c connection
	cfg := c.tlsConfig(Config{RootCAs: x509.NewCertPool(), TLS: TLS{RSAKeyExchange: true}}, tls.VersionTLS12)
	if cfg.MinVersion != tls.VersionTLS12 || cfg.MaxVersion != tls.VersionTLS12 || len(cfg.CipherSuites) != len(with) || cfg.RootCAs == nil {
		t.Errorf("the settings are %+v", cfg)
	}
	_ = cfg.VerifyConnection(tls.ConnectionState{Version: tls.VersionTLS13})
	if _, err := cfg.GetClientCertificate(nil); err != nil || !c.asked.Load() || c.version.Load() != tls.VersionTLS13 {
		t.Errorf("asked for the certificate %v, by version %x", c.asked.Load(), c.version.Load())
	}
}

func TestValidRole_AtItsLimit(t *testing.T) {
	for role, want := range map[string]bool{
		strings.Repeat("r", 512): true, strings.Repeat("r", 513): false, "": false, " ": false, "a\x00": false, "a\xff": false, "a\u200b": false, "Rolle für S3": true,
	} {
		if got := ValidRole(role); got != want {
			t.Errorf("%q is valid: %v", role, got)
		}
	}
}

// A portal that did not ask for the certificate has not judged it.
func TestUnrecognised_OnlyWhereTheCertificateWasNotAskedFor(t *testing.T) {
	for name, row := range map[string]struct {
		bad     Error
		asked   bool
		version uint16
		noOlder bool
		want    bool
	}{
		"refused by a page":                 {bad: Error{Class: AuthenticationRefused, Status: 200}, want: true},
		"the role is refused":               {bad: Error{Class: RoleRefused, Status: 403}, want: true},
		"the request is rejected by a page": {bad: Error{Class: RequestRejected, Status: 400, page: true}, want: true},
		"the API rejects the request":       {bad: Error{Class: RequestRejected, Status: 400}},
		"another failure":                   {bad: Error{Class: Unavailable, Status: 503}},
		"it was asked for":                  {bad: Error{Class: AuthenticationRefused, Status: 200}, asked: true},
		"refused before an answer":          {bad: Error{Class: AuthenticationRefused}},
		"closed over TLS 1.3":               {bad: Error{Class: Unavailable, closed: true}, version: tls.VersionTLS13, want: true},
		"closed over TLS 1.2":               {bad: Error{Class: Unavailable, closed: true}, version: tls.VersionTLS12},
		"closed, and TLS 1.2 is forbidden":  {bad: Error{Class: Unavailable, closed: true}, version: tls.VersionTLS13, noOlder: true},
		"away":                              {bad: Error{Class: Unavailable}, version: tls.VersionTLS13},
	} {
		c := &Client{usual: &connection{}, older: &connection{}}
		c.usual.asked.Store(row.asked)
		c.usual.version.Store(uint32(row.version))
		if row.noOlder {
			c.older = nil
		}
		if got := c.unrecognised(&row.bad); got != row.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	for _, row := range []struct {
		version uint16
		older   *connection
		says    string
	}{{tls.VersionTLS12, nil, "(TLS 1.2)"}, {tls.VersionTLS13, nil, "only over TLS 1.2"}, {tls.VersionTLS13, &connection{}, "neither over TLS 1.3 nor"}} {
		c := &Client{usual: &connection{}, older: row.older}
		if c.usual.version.Store(uint32(row.version)); !strings.Contains(c.notAsked(), row.says) {
			t.Errorf("it says %s", c.notAsked())
		}
	}
}

// TLS 1.2 is tried each ten minutes at most, and kept for as long as it helps.
func TestPreference_TriesTheOlderTLSSeldom(t *testing.T) {
	clock := clocktesting.NewFakePassiveClock(noon)
	p := preference{clock: clock}
	if p.isOlder() || !p.mayTry() {
		t.Error("it is not tried the first time")
	}
	p.learn(false)
	for after, want := range map[time.Duration]bool{0: false, 10*time.Minute - 1: false, 10 * time.Minute: true, -time.Second: true} {
		if clock.SetTime(noon.Add(after)); p.mayTry() != want {
			t.Errorf("%s after it has not helped it is tried: %v", after, !want)
		}
	}
	clock.SetTime(noon)
	if p.learn(true); !p.isOlder() {
		t.Error("what has helped is not kept")
	}
	if p.forget(); p.isOlder() || !p.mayTry() {
		t.Error("what no longer works is kept")
	}
}

func TestConfig_PrintsNothingOfTheKey(t *testing.T) {
	if got := fmt.Sprintf("%v %+v %#v", Config{}, Config{}, Config{}); got != "configuration of a portal configuration of a portal configuration of a portal" {
		t.Errorf("it prints %s", got)
	}
}

func TestConnection_IsTheGivenTransport(t *testing.T) {
	var version uint16
	var through *url.URL
	at := &url.URL{Scheme: "http", Host: "proxy.example.com"}
	_, err := configured(t, func(c *Config) {
		c.TLS.MaxVersion, c.Proxy = tls.VersionTLS12, http.ProxyURL(at)
		c.Transport = func(s *tls.Config, proxy *url.URL) http.RoundTripper {
			version, through = s.MaxVersion, proxy
			return http.DefaultTransport
		}
	})
	if err != nil || version != tls.VersionTLS12 || through != at {
		t.Errorf("it is made for the version %x and the proxy %v, %v", version, through, err)
	}
}
