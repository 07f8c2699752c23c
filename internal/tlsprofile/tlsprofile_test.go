package tlsprofile

import (
	"crypto/tls"
	"slices"
	"testing"

	configv1 "github.com/openshift/api/config/v1"
)

func custom(version configv1.TLSProtocolVersion, ciphers ...string) *configv1.TLSSecurityProfile {
	return &configv1.TLSSecurityProfile{Type: configv1.TLSProfileCustomType, Custom: &configv1.CustomTLSProfile{
		TLSProfileSpec: configv1.TLSProfileSpec{MinTLSVersion: version, Ciphers: ciphers}}}
}

func TestOf_IsTheProfileAsFarAsThePolicyAsksForIt(t *testing.T) {
	const intermediate = 6 // suites of TLS 1.2 that Go has
	for _, row := range []struct {
		name      string
		profile   *configv1.TLSSecurityProfile
		adherence string
		version   uint16
		suites    int
	}{
		{name: "no profile", version: tls.VersionTLS12, suites: intermediate},
		{name: "no type", profile: &configv1.TLSSecurityProfile{}, version: tls.VersionTLS12, suites: intermediate},
		{name: "Old", profile: &configv1.TLSSecurityProfile{Type: "Old"}, version: tls.VersionTLS10, suites: 18},
		{name: "Intermediate", profile: &configv1.TLSSecurityProfile{Type: "Intermediate"}, version: tls.VersionTLS12, suites: intermediate},
		{name: "Modern", profile: &configv1.TLSSecurityProfile{Type: "Modern"}, version: tls.VersionTLS13, suites: intermediate},
		{name: "Modern, strict", profile: &configv1.TLSSecurityProfile{Type: "Modern"}, adherence: "StrictAllComponents", version: tls.VersionTLS13, suites: intermediate},
		{name: "Modern, a policy of the future", profile: &configv1.TLSSecurityProfile{Type: "Modern"}, adherence: "New", version: tls.VersionTLS13, suites: intermediate},
		{name: "Modern, legacy components only", profile: &configv1.TLSSecurityProfile{Type: "Modern"}, adherence: legacyComponentsOnly, version: tls.VersionTLS12, suites: intermediate},
		{name: "a profile of the future", profile: &configv1.TLSSecurityProfile{Type: "Postmodern"}, version: tls.VersionTLS12, suites: intermediate},
		{name: "Custom", profile: custom("VersionTLS11", "ECDHE-RSA-AES128-GCM-SHA256", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"), version: tls.VersionTLS11, suites: 2},
		{name: "Custom without anything that Go has", profile: custom("VersionTLS10", "DHE-RSA-AES128-SHA256"), version: tls.VersionTLS12, suites: intermediate},
		{name: "Custom without its part", profile: &configv1.TLSSecurityProfile{Type: "Custom"}, version: tls.VersionTLS12, suites: intermediate},
		{name: "Custom with a version of the future", profile: custom("VersionTLS14", "AES128-SHA"), version: tls.VersionTLS12, suites: 1},
	} {
		got := Of(row.profile, row.adherence)
		if got.MinVersion != row.version || len(got.CipherSuites) != row.suites {
			t.Errorf("%s: from %s on, with %d suites; want %s, %d", row.name, tls.VersionName(got.MinVersion), len(got.CipherSuites), tls.VersionName(row.version), row.suites)
		}
	}
}

func TestOf_KnowsEachSuiteOfTheProfilesThatGoHas(t *testing.T) {
	for name, suite := range openSSL {
		if got := suites([]string{name}); !slices.Equal(got, []uint16{suite}) {
			t.Errorf("%s is %v", name, got)
		}
	}
}

func TestAllows_IsWhatAHandshakeWouldGive(t *testing.T) {
	s := Of(&configv1.TLSSecurityProfile{Type: "Intermediate"}, "")
	for want, states := range map[bool][]tls.ConnectionState{
		true:  {{Version: tls.VersionTLS13, CipherSuite: tls.TLS_AES_128_GCM_SHA256}, {Version: tls.VersionTLS12, CipherSuite: tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}},
		false: {{Version: tls.VersionTLS11, CipherSuite: tls.TLS_RSA_WITH_AES_128_CBC_SHA}, {Version: tls.VersionTLS12, CipherSuite: tls.TLS_RSA_WITH_AES_128_CBC_SHA}},
	} {
		for _, state := range states {
			if got := s.Allows(state); got != want {
				t.Errorf("%s with %s: %t", tls.VersionName(state.Version), tls.CipherSuiteName(state.CipherSuite), got)
			}
		}
	}
}

func TestSettings_AreEqualInEachPartAndApplied(t *testing.T) {
	old, modern := Of(&configv1.TLSSecurityProfile{Type: "Old"}, ""), Of(&configv1.TLSSecurityProfile{Type: "Modern"}, "")
	for i, other := range []Settings{
		{Profile: "x", MinVersion: old.MinVersion, CipherSuites: old.CipherSuites}, {Profile: old.Profile, MinVersion: modern.MinVersion, CipherSuites: old.CipherSuites},
		{Profile: old.Profile, MinVersion: old.MinVersion, CipherSuites: modern.CipherSuites}, modern,
	} {
		if same := other; old.Equal(other) || !same.Equal(other) {
			t.Errorf("%d: %+v and %+v", i, old, other)
		}
	}
	var c tls.Config
	modern.Apply(&c)
	if c.MinVersion != tls.VersionTLS13 || !slices.Equal(c.CipherSuites, modern.CipherSuites) {
		t.Errorf("applied are %x, %x", c.MinVersion, c.CipherSuites)
	}
}
