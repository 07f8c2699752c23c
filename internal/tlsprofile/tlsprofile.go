// Package tlsprofile converts the TLS security profile of an OpenShift cluster to settings of a TLS server; pure.
package tlsprofile

import (
	"crypto/tls"
	"slices"

	configv1 "github.com/openshift/api/config/v1"
)

// Settings are the settings of a profile for a server in Go.
type Settings struct {
	// Profile is the name of the profile, for a log.
	Profile configv1.TLSProfileType
	// MinVersion is the oldest version of TLS.
	MinVersion uint16
	// CipherSuites are for TLS 1.2 and older; Go does not allow choosing those of 1.3.
	CipherSuites []uint16
}

// Equal is true for the same settings.
func (s Settings) Equal(o Settings) bool {
	return s.Profile == o.Profile && s.MinVersion == o.MinVersion && slices.Equal(s.CipherSuites, o.CipherSuites)
}

// Apply sets the settings in a server's configuration.
func (s Settings) Apply(c *tls.Config) {
	c.MinVersion, c.CipherSuites = s.MinVersion, s.CipherSuites
}

// Allows is true for a connection that the settings allow.
func (s Settings) Allows(c tls.ConnectionState) bool {
	return c.Version >= s.MinVersion && (c.Version >= tls.VersionTLS13 || slices.Contains(s.CipherSuites, c.CipherSuite))
}

// legacyComponentsOnly is the policy with which only long-standing components follow the cluster's profile.
const legacyComponentsOnly = "LegacyAdheringComponentsOnly"

// Of returns the settings for spec.tlsSecurityProfile and spec.tlsAdherence of APIServer/cluster. Without a profile it is Intermediate,
// OpenShift's default. An unset or unknown policy follows the profile, as the bundle's annotation tls-profiles promises.
func Of(profile *configv1.TLSSecurityProfile, adherence string) Settings {
	name, spec := configv1.TLSProfileIntermediateType, configv1.TLSProfiles[configv1.TLSProfileIntermediateType]
	if profile != nil && adherence != legacyComponentsOnly {
		if known, ok := configv1.TLSProfiles[profile.Type]; ok {
			name, spec = profile.Type, known
		}
		if profile.Type == configv1.TLSProfileCustomType && profile.Custom != nil {
			name, spec = profile.Type, &profile.Custom.TLSProfileSpec
		}
	}
	return settings(name, spec)
}

func settings(name configv1.TLSProfileType, spec *configv1.TLSProfileSpec) Settings {
	s := Settings{Profile: name, MinVersion: versions[spec.MinTLSVersion]}
	if s.MinVersion == 0 {
		s.MinVersion = tls.VersionTLS12
	}
	if s.CipherSuites = suites(spec.Ciphers); len(s.CipherSuites) == 0 {
		// Go knows none of them, or all are of TLS 1.3: an empty list would mean Go's default, which may be wider than the profile.
		s.CipherSuites = suites(configv1.TLSProfiles[configv1.TLSProfileIntermediateType].Ciphers)
		if s.MinVersion < tls.VersionTLS12 {
			s.MinVersion = tls.VersionTLS12
		}
	}
	return s
}

var versions = map[configv1.TLSProtocolVersion]uint16{
	configv1.VersionTLS10: tls.VersionTLS10, configv1.VersionTLS11: tls.VersionTLS11,
	configv1.VersionTLS12: tls.VersionTLS12, configv1.VersionTLS13: tls.VersionTLS13,
}

// suites are those of a list that Go supports, before TLS 1.3, by OpenSSL's or IANA's name.
func suites(names []string) []uint16 {
	var all []uint16
	for _, suite := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		if slices.Contains(suite.SupportedVersions, tls.VersionTLS12) && slices.ContainsFunc(names, func(n string) bool { return n == suite.Name || openSSL[n] == suite.ID }) {
			all = append(all, suite.ID)
		}
	}
	return all
}

// openSSL maps OpenSSL's names to the suites that Go supports.
var openSSL = map[string]uint16{
	"ECDHE-ECDSA-AES128-GCM-SHA256": tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	"ECDHE-RSA-AES128-GCM-SHA256":   tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	"ECDHE-ECDSA-AES256-GCM-SHA384": tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	"ECDHE-RSA-AES256-GCM-SHA384":   tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	"ECDHE-ECDSA-CHACHA20-POLY1305": tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	"ECDHE-RSA-CHACHA20-POLY1305":   tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	"ECDHE-ECDSA-AES128-SHA256":     tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256,
	"ECDHE-RSA-AES128-SHA256":       tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256,
	"ECDHE-ECDSA-AES128-SHA":        tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,
	"ECDHE-RSA-AES128-SHA":          tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
	"ECDHE-ECDSA-AES256-SHA":        tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA,
	"ECDHE-RSA-AES256-SHA":          tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
	"AES128-GCM-SHA256":             tls.TLS_RSA_WITH_AES_128_GCM_SHA256,
	"AES256-GCM-SHA384":             tls.TLS_RSA_WITH_AES_256_GCM_SHA384,
	"AES128-SHA256":                 tls.TLS_RSA_WITH_AES_128_CBC_SHA256,
	"AES128-SHA":                    tls.TLS_RSA_WITH_AES_128_CBC_SHA,
	"AES256-SHA":                    tls.TLS_RSA_WITH_AES_256_CBC_SHA,
	"DES-CBC3-SHA":                  tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA,
}
