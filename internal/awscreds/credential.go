// Package awscreds is what the operator knows about AWS credentials as OpenShift's components keep them: how they are
// written into a Secret, how they are read back, how one sees that somebody edited them, and how STS is asked whether
// it accepts them. It knows nothing of Kubernetes beyond the data of a Secret.
package awscreds

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
)

// MaxValueLength is the most bytes that one value of a credential may have. Access keys have at most 128, secret keys 40
// and session tokens a few thousand today; AWS gives no limit for tokens, so this leaves them room to grow by an order
// of magnitude, while a Secret that holds the token twice stays far below the 1 MiB that the API server accepts.
const MaxValueLength = 64 << 10

var (
	// ErrIncomplete: the access key or the secret key is missing or empty.
	ErrIncomplete = errors.New("the access key id or the secret access key is missing")
	// ErrNoToken: the access key is a temporary one, which AWS accepts only together with its session token.
	ErrNoToken = errors.New("the temporary access key lacks its session token")
	// ErrTooLong: a value has more than MaxValueLength bytes.
	ErrTooLong = errors.New("a value is longer than any AWS credential")
	// ErrUnsafe: a value holds a character that could start another line, key, section or comment of the credentials file.
	ErrUnsafe = errors.New("a value holds control characters, blanks or other characters that no AWS credential has")
)

// Credential is one AWS credential. It does not show its values: printed, logged or marshalled it says only that it is
// there, so that no log line can carry a secret by accident.
type Credential struct {
	// AccessKeyID is public by AWS's own standards, and redacted all the same.
	AccessKeyID     string
	SecretAccessKey string
	// SessionToken is empty for a long-term key and for services that hand out keys without one.
	SessionToken string
	// Expiry is when AWS stops accepting it, as far as that is told.
	Expiry Expiry
}

// Validate says whether the credential is complete and can be written into a credentials file without changing the
// meaning of the file: ErrIncomplete, ErrTooLong, ErrUnsafe or ErrNoToken, none of them with a byte of the credential.
func (c Credential) Validate() error {
	if c.AccessKeyID == "" || c.SecretAccessKey == "" {
		return ErrIncomplete
	}
	for _, v := range []string{c.AccessKeyID, c.SecretAccessKey, c.SessionToken} {
		if len(v) > MaxValueLength {
			return ErrTooLong
		}
		if !safe(v) {
			return ErrUnsafe
		}
	}
	if c.Temporary() && c.SessionToken == "" {
		return ErrNoToken
	}
	return nil
}

// Temporary says that the access key is one of AWS STS, which is of no use without a session token.
func (c Credential) Temporary() bool { return strings.HasPrefix(c.AccessKeyID, "ASIA") }

// safe allows the characters that both generations of the AWS SDK read back unchanged from a credentials file: visible
// ASCII without quotes (they are stripped), # and ; (comments), [ and ] (sections) and backslash (escapes in SDK v1).
// AWS's own values are of letters, digits and + / = alone; what else an emulator may use still passes.
func safe(v string) bool {
	for i := 0; i < len(v); i++ {
		if v[i] <= ' ' || v[i] > '~' {
			return false
		}
		switch v[i] {
		case '"', '\'', '`', '#', ';', '[', ']', '\\':
			return false
		}
	}
	return true
}

const redacted = "[AWS credential, redacted]"

// String implements fmt.Stringer without the values.
func (c Credential) String() string { return redacted }

// GoString implements fmt.GoStringer without the values.
func (c Credential) GoString() string { return redacted }

// Format implements fmt.Formatter, so that no verb reaches the fields.
func (c Credential) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// MarshalJSON implements json.Marshaler without the values; zap uses it for fields it does not know.
func (c Credential) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText implements encoding.TextMarshaler without the values, which covers YAML and map keys.
func (c Credential) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue implements slog.LogValuer without the values.
func (c Credential) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalLog implements logr.Marshaler without the values.
func (c Credential) MarshalLog() any { return redacted }

// Same says whether two credentials have the same values. The expiry is bookkeeping and not compared.
func (c Credential) Same(other Credential) bool {
	return c.AccessKeyID == other.AccessKeyID && c.SecretAccessKey == other.SecretAccessKey && c.SessionToken == other.SessionToken
}
