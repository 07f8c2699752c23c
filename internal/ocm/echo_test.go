package ocm_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/internal/ocm"
)

// The secrets of these tests, of the shapes that real ones have. None is so long that its length alone gives it away.
const (
	echoPassword = "Q7M2XK9RBV4T8ZL1NDW6YH3JCF5GPS0AEUIOmnbv" // inside the auth of cloud.openshift.com
	echoSecret   = "k8Qz4TnV7xW1mB6yR3pL9dJ2fH5sG0cA"         // a client's
	echoUUID     = "5f0c9e1a-7b3d-4c86-9a52-e1d4b7c80f36"     // a client's of another age
	echoToken    = "oFfLiNe-ToKeN-7h2k9x4m1q8w5r3t6y"         // an opaque token
)

// echoes are the ways in which a service, or a gateway in front of it, may quote what it was sent.
func echoes(secret string) []string {
	return []string{
		secret, secret[:len(secret)-1], secret[1:], secret[4:20], strings.ToUpper(secret), strings.ToLower(secret),
		secret[:len(secret)/2] + " " + secret[len(secret)/2:], "token " + secret + " is invalid", `"` + secret + `"`, secret + "\x00",
		hex.EncodeToString([]byte(secret)), strings.ToUpper(hex.EncodeToString([]byte(secret))), fmt.Sprint([]byte(secret)),
		base64.StdEncoding.EncodeToString([]byte(secret)), base64.StdEncoding.EncodeToString([]byte("user:" + secret)),
	}
}

func TestAnEchoOfACredential_ReachesNoError(t *testing.T) {
	auth := base64.StdEncoding.EncodeToString([]byte("openshift-release-dev+ocm_access_1f0c:" + echoPassword))
	for name, c := range map[string]struct {
		config  ocm.Config
		secrets []string
	}{
		"a token":             {ocm.Config{Credential: ocm.Credential{Token: echoToken}}, []string{echoToken}},
		"a client":            {ocm.Config{Credential: ocm.Credential{ClientID: "id", ClientSecret: echoSecret}}, []string{echoSecret}},
		"a client of old":     {ocm.Config{Credential: ocm.Credential{ClientID: "id", ClientSecret: echoUUID}}, []string{echoUUID}},
		"a cluster's token":   {ocm.Config{ClusterToken: ocm.ClusterToken{ClusterID: "a1b2c3d4-0000-4000-8000-000000000000", Auth: auth}}, []string{auth, echoPassword}},
		"the exchanged token": {ocm.Config{Credential: ocm.Credential{Token: echoToken}}, []string{"bearer"}},
	} {
		t.Run(name, func(t *testing.T) {
			var body map[string]string
			var bearer string
			s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
				bearer = strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
				text, _ := json.Marshal(body)
				answerJSON(w, 403, string(text))
			})
			s.scope = "openid"
			config := c.config
			config.URL, config.TokenURL, config.RootCAs, config.Timeout = s.URL, s.URL+"/token", s.pool(), 10*time.Second
			client, err := ocm.New(config)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = client.Close() })
			_, _ = client.CurrentAccount(context.Background()) // so that the exchanged token is known
			for _, secret := range c.secrets {
				if secret == "bearer" {
					secret = bearer
				}
				for _, echo := range echoes(secret) {
					for _, field := range []string{"reason", "code", "operation_id"} {
						body = map[string]string{"code": "ACCT-MGMT-11", "operation_id": "2Ju1sPl5bDgVvUoqIGTsgXeUgEs", "reason": "denied", field: echo}
						_, err := client.CurrentAccount(context.Background())
						wantNoPart(t, err, secret, field+" "+echo)
					}
				}
			}
		})
	}
}

// wantNoPart fails when six characters of a secret, one after the other, are in an error in any case, or in hexadecimal or base64.
func wantNoPart(t *testing.T, err error, secret, what string) {
	t.Helper()
	if err == nil {
		t.Fatalf("%s: no error", what)
	}
	text := strings.ToLower(fmt.Sprintf("%v %+v %#v", err, err, err))
	for i := 0; i+6 <= len(secret); i++ {
		part := secret[i : i+6]
		for _, form := range []string{part, hex.EncodeToString([]byte(part)), base64.RawStdEncoding.EncodeToString([]byte(part))[:8], strings.Trim(fmt.Sprint([]byte(part)), "[]")} {
			if strings.Contains(text, strings.ToLower(form)) {
				t.Fatalf("%s: the error repeats %q: %v", what, form, err)
			}
		}
	}
}

func TestAnEchoOfACredential_ByTheSSOReachesNoError(t *testing.T) {
	s := newServer(t, func(http.ResponseWriter, *http.Request) {})
	for _, echo := range echoes(echoSecret) {
		s.sso = func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			text, _ := json.Marshal(map[string]string{"error": echo, "error_description": echo})
			answerJSON(w, 400, string(text))
		}
		client, err := ocm.New(ocm.Config{URL: s.URL, TokenURL: s.URL + "/token", RootCAs: s.pool(), Credential: ocm.Credential{ClientID: "id", ClientSecret: echoSecret}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.CurrentAccount(context.Background())
		wantNoPart(t, err, echoSecret, echo)
		_ = client.Close()
	}
}

func TestAnError_SaysWhatOCMSaysInWordsOfOurOwn(t *testing.T) {
	for reason, want := range map[string]string{
		"Account with ID 1gsAccount denied access to perform create on PullSecretRotation": "operation op-1): it says that the account lacks the right",
		"The account is BANNED, ask mallory@example.com":                                   "it says that the account is banned",
		"A pull secret rotation is already pending":                                        "it says that there is one already",
		"whatever this is": "operation op-1)",
		"":                 "operation op-1)",
	} {
		s := newServer(t, func(w http.ResponseWriter, _ *http.Request) {
			body, _ := json.Marshal(map[string]string{"code": "ACCT-MGMT-11", "operation_id": "op-1", "reason": reason})
			answerJSON(w, 403, string(body))
		})
		_, err := s.client(t).CurrentAccount(context.Background())
		e := judged(t, err, ocm.OCMForbidden)
		if !strings.HasSuffix(e.Message, want) || e.Code != "ACCT-MGMT-11" || e.OperationID != "op-1" {
			t.Errorf("%q: got %q with code %q and operation %q", reason, e.Message, e.Code, e.OperationID)
		}
		for _, word := range []string{"mallory", "1gsAccount", "whatever"} {
			if strings.Contains(e.Message, word) {
				t.Errorf("it repeats %q: %s", word, e.Message)
			}
		}
	}
}
