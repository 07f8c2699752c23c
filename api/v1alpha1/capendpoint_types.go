package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// CAPDialect is the set of query parameter names of a C2S Access Portal.
// +kubebuilder:validation:Enum=C2S;SC2S
type CAPDialect string

const (
	// DialectC2S uses agency, mission and role (us-iso-*).
	DialectC2S CAPDialect = "C2S"
	// DialectSC2S uses agency, accountName and roleName (us-isob-*).
	DialectSC2S CAPDialect = "SC2S"
)

// CAPEndpoint is a C2S Access Portal (CAP).
type CAPEndpoint struct {
	// URL of CAP's API, without query: any host, port and path.
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="isURL(self) && url(self).getScheme() == 'https' && url(self).getHostname().size() > 0 && !self.contains('?') && !self.contains('#') && !self.contains('@')",message="url must be an https:// URL with a host, and without query, fragment or user name: agency, mission and role have their own fields"
	// +required
	URL string `json:"url"`

	// Dialect: the query parameters are mission and role for C2S, and accountName and roleName for SC2S.
	// +kubebuilder:default=C2S
	// +optional
	Dialect CAPDialect `json:"dialect,omitempty"`

	// Agency as CAP knows it.
	// +kubebuilder:validation:Pattern=`^[^\x00-\x1f\x7f-\x9f]+$`
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +required
	Agency string `json:"agency"`

	// Mission is the mission (C2S) or the account name (SC2S).
	// +kubebuilder:validation:Pattern=`^[^\x00-\x1f\x7f-\x9f]+$`
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +required
	Mission string `json:"mission"`

	// ExtraParameters are added to the query of each request: at most 16, with names of at most 128 characters and values of at most 1024.
	// +kubebuilder:validation:MaxProperties=16
	// +kubebuilder:validation:XValidation:rule="self.all(k, size(k) > 0 && size(k) <= 128 && size(self[k]) <= 1024)",message="extraParameters must have names of 1 to 128 characters and values of at most 1024"
	// +kubebuilder:validation:XValidation:rule="self.all(k, !(k in ['agency', 'mission', 'role', 'accountName', 'roleName']))",message="extraParameters must not name agency, mission, role, accountName or roleName: they have their own fields"
	// +optional
	ExtraParameters map[string]string `json:"extraParameters,omitempty"`

	// ClientCertificateSecretRef names a Secret in the operator's namespace with the keys tls.crt, tls.key and ca.crt, or cap.pem, cap.key and
	// ca-chain.cert.pem. The CA replaces the system's roots; without a CA, the cluster's trust bundle is used. The field tls can name a CA
	// elsewhere.
	// +required
	ClientCertificateSecretRef LocalReference `json:"clientCertificateSecretRef"`

	// TLS settings for CAP, if the defaults do not fit.
	// +optional
	TLS *CAPTLS `json:"tls,omitempty"`

	// Proxy for requests to CAP, such as http://proxy.example.com:3128, or none to bypass the cluster's proxy. Default: the cluster's proxy. Only
	// the cluster's proxy can use a password, which must not be in a spec.
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule="self.size() == 0 || self == 'none' || (isURL(self) && url(self).getScheme() in ['http', 'https'] && url(self).getHostname().size() > 0 && url(self).getEscapedPath().size() <= 1 && !self.contains('?') && !self.contains('#') && !self.contains('@'))",message="proxy must be none, or an http:// or https:// URL of host and port without user name, path and query"
	// +optional
	Proxy string `json:"proxy,omitempty"`

	// Timeout of one request.
	// +kubebuilder:default="30s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+([.][0-9]+)?(h|m|s|ms))+$') && duration(self) >= duration('1s') && duration(self) <= duration('5m')",message="timeout must be between 1s and 5m, in m and s"
	// +optional
	Timeout *metav1.Duration `json:"timeout,omitempty"`

	// MaxConcurrentRequests to CAP.
	// +kubebuilder:default=4
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=32
	// +optional
	MaxConcurrentRequests int32 `json:"maxConcurrentRequests,omitempty"`
}

// TLSVersion is a version of TLS, named as in OpenShift's own APIs.
// +kubebuilder:validation:Enum=VersionTLS12;VersionTLS13
type TLSVersion string

const (
	// VersionTLS12 is TLS 1.2.
	VersionTLS12 TLSVersion = "VersionTLS12"
	// VersionTLS13 is TLS 1.3.
	VersionTLS13 TLSVersion = "VersionTLS13"
)

// CAPTLS holds the TLS settings for a C2S Access Portal (CAP).
// +kubebuilder:validation:XValidation:rule="!has(self.minVersion) || !has(self.maxVersion) || self.minVersion <= self.maxVersion",message="minVersion must not be newer than maxVersion"
// +kubebuilder:validation:XValidation:rule="!has(self.caConfigMapRef) || !has(self.caSecretRef)",message="set caConfigMapRef or caSecretRef, not both"
type CAPTLS struct {
	// MinVersion of TLS. Default: VersionTLS12.
	// +optional
	MinVersion TLSVersion `json:"minVersion,omitempty"`
	// MaxVersion of TLS. Default: the newest. Without it the operator also tries TLS 1.2 if CAP does not ask for the client certificate over TLS
	// 1.3.
	// +optional
	MaxVersion TLSVersion `json:"maxVersion,omitempty"`
	// AllowRSAKeyExchange also offers cipher suites without forward secrecy, for servers that have no others. It works only
	// without FIPS mode: set GODEBUG=fips140=off in the operator's environment.
	// +optional
	AllowRSAKeyExchange bool `json:"allowRSAKeyExchange,omitempty"`
	// CAConfigMapRef names a ConfigMap in the operator's namespace whose key ca-bundle.crt, ca.crt or ca-chain.cert.pem holds the CAs of CAP's
	// server certificate (PEM). They replace all others, including those in the Secret of the client certificate.
	// +optional
	CAConfigMapRef *LocalReference `json:"caConfigMapRef,omitempty"`
	// CASecretRef names a Secret instead, with the same keys.
	// +optional
	CASecretRef *LocalReference `json:"caSecretRef,omitempty"`
}
