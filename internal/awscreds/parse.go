package awscreds

// Reading the credential of a Secret exactly as the components that use it do: one that they cannot read must not look good to the operator.

import (
	"bytes"
	"errors"
	"strings"
)

// ErrNoCredential: the data holds no complete credential where the components look for it.
var ErrNoCredential = errors.New("the Secret holds no complete AWS credential")

// keyTokenExpiration is a key that some portals write into a credentials file; the SDKs ignore it.
const keyTokenExpiration = "aws_token_expiration"

// Parse reads the credential in a Secret's data: from the file under "credentials" when that is not empty, as all of
// OpenShift's components do, else from the two plain keys (without a token: the components take none from there). The error
// is ErrNoCredential or one of Validate's and holds nothing of the data. Only a file can tell the Expiry.
func Parse(data map[string][]byte) (Credential, error) {
	var c Credential
	if file := data[KeyCredentials]; len(file) > 0 {
		c = parseFile(file)
	} else {
		c = Credential{AccessKeyID: string(data[KeyAccessKeyID]), SecretAccessKey: string(data[KeySecretAccessKey])}
	}
	if err := c.Validate(); errors.Is(err, ErrIncomplete) || errors.Is(err, ErrNoToken) {
		return Credential{}, ErrNoCredential
	} else if err != nil {
		return Credential{}, err
	}
	return c, nil
}

// parseFile reads the profile "default" of an AWS shared configuration file by the rules of aws-sdk-go-v2: the names of keys in any case, the
// last of two equal keys wins, blanks before # or ; start a comment, one pair of quotes is stripped, an indented line belongs to the key above
// it, and anything else is ignored.
func parseFile(file []byte) Credential {
	values := map[string]string{}
	section, current := "", ""
	for _, raw := range bytes.Split(file, []byte("\n")) {
		line := string(raw)
		trimmed := strings.TrimSpace(line)
		if trimmed == "" || trimmed[0] == '#' || trimmed[0] == ';' {
			continue
		}
		if name, ok := sectionName(line); ok {
			section, current = name, ""
			continue
		}
		if section != "default" {
			continue
		}
		indented := line[0] == ' ' || line[0] == '\t'
		if indented && current != "" && values[current] == "" {
			continue // an indented key below an empty key does not belong to the profile
		}
		key, value, ok := property(line)
		switch {
		case ok:
			current = key
			values[key] = value
		case indented && current != "":
			values[current] += "\n" + trimmed // the SDKs also append the line to the value, which makes it unusable for both
		}
	}
	c := Credential{
		AccessKeyID:     values[KeyAccessKeyID],
		SecretAccessKey: values[KeySecretAccessKey],
		SessionToken:    values[KeySessionToken],
	}
	c.Expiry = ReadExpiry(values[keyTokenExpiration])
	return c
}

// sectionName reads "[ default ] ; comment".
func sectionName(line string) (string, bool) {
	if i := strings.IndexAny(line, "#;"); i >= 0 {
		line = line[:i]
	}
	line = strings.TrimSpace(line)
	if len(line) < 2 || line[0] != '[' || line[len(line)-1] != ']' {
		return "", false
	}
	return strings.TrimSpace(line[1 : len(line)-1]), true
}

// property reads "key = value # comment". A colon works like the equals sign, as in the SDKs.
func property(line string) (key, value string, ok bool) {
	for _, comment := range []string{" #", " ;", "\t#", "\t;"} {
		line, _, _ = strings.Cut(line, comment)
	}
	i := strings.IndexAny(line, "=:")
	if i < 0 {
		return "", "", false
	}
	key = strings.ToLower(strings.TrimSpace(line[:i]))
	value = strings.TrimSpace(line[i+1:])
	if n := len(value); n >= 2 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
		value = value[1 : n-1]
	}
	return key, value, true
}
