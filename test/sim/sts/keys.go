package sts

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// KeyDirectory has the keys of AWS. The CAP simulator is one. It also finds expired keys, because AWS reports those differently from
// unknown ones; roleARN is that of the IAM role, arn:PARTITION:iam::ACCOUNT:role/NAME.
type KeyDirectory interface {
	Lookup(accessKeyID string) (secret, token, roleARN string, expires time.Time, ok bool)
}

// Key is an entry of Keys.
type Key struct {
	Secret, Token, RoleARN string
	// Expires is the end of the key; never when zero.
	Expires time.Time
}

// Keys is a fixed directory by access key id.
type Keys map[string]Key

// Lookup finds a key.
func (k Keys) Lookup(accessKeyID string) (secret, token, roleARN string, expires time.Time, ok bool) {
	key, ok := k[accessKeyID]
	return key.Secret, key.Token, key.RoleARN, key.Expires, ok
}

// RemoteKeys is the directory of a CAP simulator in another process, read from its control port.
type RemoteKeys struct {
	// ControlURL is that of the control port, such as http://127.0.0.1:8441.
	ControlURL string
}

// Lookup finds a key. A CAP simulator that does not respond has no keys.
func (k RemoteKeys) Lookup(accessKeyID string) (secret, token, roleARN string, expires time.Time, ok bool) {
	// Both processes run on one machine, so a response within this time is certain.
	client := &http.Client{Timeout: 10 * time.Second}
	answer, err := client.Get(k.ControlURL + "/keys/" + url.PathEscape(accessKeyID))
	if err != nil {
		return "", "", "", time.Time{}, false
	}
	defer func() { _ = answer.Body.Close() }()
	var key struct {
		SecretAccessKey, SessionToken, RoleARN string
		Expires                                time.Time
	}
	if answer.StatusCode != http.StatusOK || json.NewDecoder(answer.Body).Decode(&key) != nil {
		return "", "", "", time.Time{}, false
	}
	return key.SecretAccessKey, key.SessionToken, key.RoleARN, key.Expires, true
}

// arn is the part of a role's ARN that appears in an identity.
type arn struct{ partition, account, role string }

func parseRoleARN(text string) (arn, error) {
	parts := strings.SplitN(text, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "iam" || !strings.HasPrefix(parts[5], "role/") {
		return arn{}, fmt.Errorf("%q is not the ARN of a role", text)
	}
	// A role may have a path, which the identity of its sessions does not contain.
	role := parts[5][strings.LastIndex(parts[5], "/")+1:]
	return arn{partition: parts[1], account: parts[4], role: role}, nil
}

// partitionOf returns the partition of a region by its prefix, as in the AWS SDK's table of endpoints.
func partitionOf(region string) string {
	for _, p := range []struct{ prefix, partition string }{
		{"us-isob-", "aws-iso-b"}, {"us-isof-", "aws-iso-f"}, {"eu-isoe-", "aws-iso-e"}, {"us-iso-", "aws-iso"},
		{"us-gov-", "aws-us-gov"}, {"cn-", "aws-cn"}, {"eusc-", "aws-eusc"},
	} {
		if strings.HasPrefix(region, p.prefix) {
			return p.partition
		}
	}
	return "aws"
}
