package ocm

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"time"
)

// redacted is printed in place of a secret.
const redacted = "[redacted]"

// Credential is what a person or a service account logs in with: either a Token, or a ClientID with its ClientSecret.
// With both, the SDK uses the client and ignores the token. It prints, marshals and logs as "[redacted]".
type Credential struct {
	// Token is an offline or refresh token of the SSO. An access token also works, until it expires.
	Token string
	// ClientID of a service account, or of the client that the token was issued to; empty means the SSO's default ("cloud-services").
	ClientID string
	// ClientSecret of a service account.
	ClientSecret string
}

// ClusterToken authenticates a cluster at the few endpoints that accept it: its id (ClusterVersion spec.clusterID, a UUID) and the auth of
// cloud.openshift.com in its pull secret (base64). OCM's document calls the scheme AccessToken: "Authorization: AccessToken
// {cluster-uuid}:{access-token}". It prints, marshals and logs as "[redacted]".
type ClusterToken struct {
	ClusterID string
	Auth      string
}

func (Credential) String() string               { return redacted }
func (Credential) GoString() string             { return redacted }
func (Credential) MarshalJSON() ([]byte, error) { return json.Marshal(redacted) }
func (Credential) LogValue() slog.Value         { return slog.StringValue(redacted) }

func (ClusterToken) String() string               { return redacted }
func (ClusterToken) GoString() string             { return redacted }
func (ClusterToken) MarshalJSON() ([]byte, error) { return json.Marshal(redacted) }
func (ClusterToken) LogValue() slog.Value         { return slog.StringValue(redacted) }

// trimmed drops the white space around the values: a Secret made with echo or a text editor ends in a newline.
func (c Credential) trimmed() Credential {
	return Credential{
		Token:        strings.TrimSpace(c.Token),
		ClientID:     strings.TrimSpace(c.ClientID),
		ClientSecret: strings.TrimSpace(c.ClientSecret),
	}
}

// isClient is true if the SDK will use the client-credentials grant.
func (c Credential) isClient() bool { return c.ClientID != "" && c.ClientSecret != "" }

func (c Credential) check() error {
	switch {
	case c.Token == "" && c.ClientSecret == "":
		return errors.New("neither a token nor a client secret is given")
	case c.Token == "" && c.ClientID == "":
		return errors.New("a client secret is given without its client id")
	}
	for _, part := range []struct{ name, value string }{{"token", c.Token}, {"client id", c.ClientID}, {"client secret", c.ClientSecret}} {
		switch {
		case strings.Contains(part.value, "--"+strings.ReplaceAll(part.name, " ", "-")):
			return fmt.Errorf("its %s is a part of a command line. Store the bare %[1]s", part.name)
		case strings.ContainsFunc(part.value, notPrintable):
			return fmt.Errorf("its %s contains white space or control characters. Store the bare %[1]s, in one line", part.name)
		case quoted(part.value):
			return fmt.Errorf("its %s is in quotation marks. Store the bare %[1]s", part.name)
		}
	}
	if parts := strings.Split(c.Token, ":"); len(parts) == 2 && uuidPattern.MatchString(parts[0]) {
		return errors.New("the token is a cluster's token, not an offline token")
	}
	claims, ok := claimsOf(c.Token)
	if !ok { // opaque tokens are refresh tokens to the SDK
		return nil
	}
	switch strings.ToLower(claims.kind()) {
	case "", "bearer", "access", "refresh", "offline":
		return nil
	default:
		return errors.New("the token is neither an offline nor a refresh token")
	}
}

func quoted(value string) bool {
	return value != "" && strings.ContainsRune("\"'`", rune(value[0])) && value[len(value)-1] == value[0]
}

// uuidPattern is stricter than the SDK, which accepts braces and "urn:uuid:" as well.
var uuidPattern = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)

// check makes sure that the SDK recognises the token as a cluster's: the SDK sends any other token to the SSO.
func (c ClusterToken) check() error {
	if !uuidPattern.MatchString(c.ClusterID) {
		return errors.New("the cluster id is not a UUID")
	}
	if _, err := base64.StdEncoding.Strict().DecodeString(c.Auth); err != nil || c.Auth == "" {
		return errors.New("the auth of cloud.openshift.com is not base64")
	}
	return nil
}

// secrets are the values that an answer must not repeat: the token as it is sent, and the user name and the password in it.
func (c ClusterToken) secrets() []string {
	list := []string{c.Auth}
	if decoded, err := base64.StdEncoding.DecodeString(c.Auth); err == nil {
		user, password, _ := strings.Cut(string(decoded), ":")
		list = append(list, user, password)
	}
	return list
}

// claims of a JSON web token that say what it is and how long it is valid. Times are seconds since 1970.
type claims struct {
	TokenUse string  `json:"token_use"`
	Type     string  `json:"typ"`
	Expires  float64 `json:"exp"`
	Issued   float64 `json:"iat"`
	Scope    string  `json:"scope"`
}

// kind reads the same claims as the SDK.
func (c claims) kind() string {
	if c.TokenUse != "" {
		return c.TokenUse
	}
	return c.Type
}

// claimsOf reads a token without verifying it, which only the service can do; ok is false for an opaque token.
func claimsOf(token string) (c claims, ok bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return claims{}, false
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return claims{}, false
	}
	if json.Unmarshal(raw, &c) != nil {
		return claims{}, false
	}
	for _, at := range []*float64{&c.Expires, &c.Issued} {
		if !(*at >= 0 && *at <= lastSecond) {
			*at = 0 // not a valid time
		}
	}
	return c, true
}

// lastSecond of the year 9999, the latest time that RFC 3339 can express.
const lastSecond = 253402300799

// IssuedAt is when the token was issued by its own claim; zero for a service account and for an opaque token.
func (c Credential) IssuedAt() time.Time {
	said, _ := claimsOf(c.Token)
	if said.Issued <= 0 {
		return time.Time{}
	}
	return time.Unix(int64(said.Issued), 0).UTC()
}

func notPrintable(r rune) bool { return r <= ' ' || r > '~' }
