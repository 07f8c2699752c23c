// Package awscreds handles AWS credentials as OpenShift's components keep them: it writes them into a Secret, reads them back, detects edits, and
// asks STS whether it accepts them. Of Kubernetes it knows only the data of a Secret.
package awscreds

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
)

// MaxValueLength is the maximum length of one value of a credential in bytes. Access keys have at most 128, secret keys 40 and session tokens a
// few thousand today; AWS gives no limit for tokens, so this leaves them room to grow by an order of magnitude, while a Secret that holds the
// token twice stays far below the 1 MiB that the API server accepts.
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

// Credential is one AWS credential. It never shows its values: printing, logging or marshalling it gives a placeholder, so that no log line can
// carry a secret by accident.
type Credential struct {
	// AccessKeyID is public by AWS's own standards, and redacted all the same.
	AccessKeyID     string
	SecretAccessKey string
	// SessionToken is empty for a long-term key and for services that hand out keys without one.
	SessionToken string
	// Expiry is when AWS stops accepting it, if the service says so.
	Expiry Expiry
}

// Validate checks that the credential is complete and cannot change the meaning of a credentials file that it is written into. It returns
// ErrIncomplete, ErrTooLong, ErrUnsafe or ErrNoToken, none of which holds a byte of the credential.
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

// Temporary is true for an access key of AWS STS, which is useless without its session token.
func (c Credential) Temporary() bool { return strings.HasPrefix(c.AccessKeyID, "ASIA") }

// safe allows the characters that both generations of the AWS SDK read back unchanged from a credentials file: visible ASCII without quotes (they
// are stripped), # and ; (comments), [ and ] (sections) and backslash (escapes in SDK v1). AWS's own values consist of letters, digits and + / =;
// the values of emulators pass too.
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

// Same is true if two credentials have the same values. The expiry is bookkeeping and is not compared.
func (c Credential) Same(other Credential) bool {
	return c.AccessKeyID == other.AccessKeyID && c.SecretAccessKey == other.SecretAccessKey && c.SessionToken == other.SessionToken
}
