package sts_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const signedBody = "Action=GetCallerIdentity&Version=2011-06-15"

// signed returns a request that the signer of the AWS SDK has signed.
func signed(t *testing.T, method, url, body string) *http.Request {
	t.Helper()
	r := request(t, method, url, body)
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	}
	// The length is not signed, so that a changed body is refused because of its content.
	r.ContentLength = 0
	sum := sha256.Sum256([]byte(body))
	key := aws.Credentials{AccessKeyID: good.id, SecretAccessKey: good.secret, SessionToken: good.token}
	err := v4.NewSigner().SignHTTP(t.Context(), key, r, hex.EncodeToString(sum[:]), "sts", good.region, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return r
}
