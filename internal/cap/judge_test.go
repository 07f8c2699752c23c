package cap

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/awscreds"
)

// canary is in every secret and in every body of these tests; wherever it appears, something has leaked.
const canary = "CANARY"

const jsonType = "application/json"

// good is the body of a good answer; expiration is the JSON of that field, or empty for none.
func good(expiration string) string {
	if expiration != "" {
		expiration = `,"Expiration":` + expiration
	}
	return `{"Credentials":{"AccessKeyId":"ASIA` + canary + `","SecretAccessKey":"s/+` + canary + `=","SessionToken":"t/+` + canary + `=="` + expiration + `}}`
}

func TestJudge_TrustsOnlyWhatIsGood(t *testing.T) {
	keys := func(id, secret string) string {
		return `{"Credentials":{"AccessKeyId":` + id + `,"SecretAccessKey":` + secret + `}}`
	}
	for _, test := range []struct {
		name        string
		status      int
		contentType string
		body        string
		want        Class  // empty: the credential is good
		says        string // part of the message
	}{
		{"a good answer", 200, jsonType, good(`"2026-11-20T13:00:00Z"`), "", ""},
		{"a good answer with a character set", 200, "Application/JSON; charset=UTF-8", good(""), "", ""},
		{"no session token", 200, jsonType, keys(`"AKIA1"`, `"s"`), "", ""},
		{"a null session token", 200, jsonType, `{"Credentials":{"AccessKeyId":"A","SecretAccessKey":"s","SessionToken":null,"Expiration":null}}`, "", ""},
		{"unknown fields on every level", 200, jsonType, `{"x":[1],"Credentials":{"AccessKeyId":"A","SecretAccessKey":"s","y":{}}}`, "", ""},

		{"a page with 200 is a refused certificate", 200, "text/html", "<html>" + canary, AuthenticationRefused, "client certificate"},
		{"a page of a type that could be JSON", 200, "application/octet-stream", "\n<!DOCTYPE html>" + canary, AuthenticationRefused, "page"},
		{"a page that does not say what it is", 200, "", "<html>" + canary, AuthenticationRefused, "page"},
		{"an empty page", 200, "text/html", "", AuthenticationRefused, "page"},
		{"nothing that does not say what it is", 200, "", "", Malformed, "empty"},
		{"a page that says to be JSON", 200, jsonType, "<html>" + canary, Malformed, "not the JSON"},
		{"an error of another type", 200, "text/plain", `{"status":403,"message":"` + canary + `"}`, RoleRefused, "body"},
		{"a credential of another type that is truncated", 200, "text/html", good("")[:80], Malformed, "is truncated"},
		{"401", 401, jsonType, canary, AuthenticationRefused, "client certificate"},
		{"a redirect to a login page", 302, "text/html", canary, AuthenticationRefused, "redirect"},
		{"400 with JSON", 400, jsonType, `{"status":400,"message":"` + canary + `"}`, RequestRejected, "agency"},
		{"400 of a web server that wants a certificate", 400, "text/html", canary, RequestRejected, "web server"},
		{"406", 406, "text/html", canary, RequestRejected, "rejects"},
		{"413", 413, jsonType, canary, RequestRejected, "rejects"},
		{"415", 415, jsonType, canary, RequestRejected, "rejects"},
		{"403", 403, jsonType, canary, RoleRefused, "role"},
		{"403 of another type of JSON", 403, "application/problem+json", canary, RoleRefused, "role"},
		{"403 with a page is a web server's, which knows no roles", 403, "text/html", canary, AuthenticationRefused, "page"},
		{"403 that does not say what it is", 403, "", canary, AuthenticationRefused, "page"},
		{"404, the API is not enabled", 404, jsonType, `{"success":false,"message":"API not enabled."}`, APIDisabled, "not enabled"},
		{"404 with a page", 404, "text/html", canary, APIDisabled, "path"},
		{"405", 405, jsonType, canary, APIDisabled, "path"},
		{"a permanent redirect", 301, "text/html", canary, APIDisabled, "redirect"},
		{"the proxy's password", 407, "text/html", canary, ProxyUnavailable, "proxy"},
		{"429", 429, jsonType, canary, Unavailable, "rate limiting"},
		{"500", 500, jsonType, canary, Unavailable, "now"},
		{"a gateway's page", 502, "text/html", canary, Unavailable, "now"},
		{"204", 204, "", "", Malformed, "status"},
		{"201", 201, jsonType, good(""), Malformed, "status"},

		{"an error with status 400 within a 200", 200, jsonType, `{"status":400,"message":"` + canary + `"}`, RequestRejected, "The body of the answer says so"},
		{"an error with status 403 within a 200", 200, jsonType, `{"status":403,"message":"` + canary + `"}`, RoleRefused, "The body of the answer says so"},
		{"a status that is a word", 200, jsonType, `{"status":"` + canary + `"}`, Malformed, "no Credentials"},
		{"an absurd status within a 200", 200, jsonType, `{"status":-9}`, Malformed, "no Credentials"},
		{"an empty body", 200, jsonType, "", Malformed, "empty"},
		{"blanks", 200, jsonType, " \n", Malformed, "empty"},
		{"a body that is truncated", 200, jsonType, good("")[:80], Malformed, "is truncated"},
		{"two documents", 200, jsonType, good("") + good(""), Malformed, "not the JSON"},
		{"a list", 200, jsonType, `[` + good("") + `]`, Malformed, "not the JSON"},
		{"null", 200, jsonType, `null`, Malformed, "no Credentials"},
		{"null credentials", 200, jsonType, `{"Credentials":null}`, Malformed, "no Credentials"},
		{"a body that is too large", 200, jsonType, good("") + strings.Repeat(" ", MaxBody), Malformed, "larger than 1024 KiB"},
		{"a null access key", 200, jsonType, keys(`null`, `"`+canary+`"`), Malformed, "lacks"},
		{"the word null, as scripts make it", 200, jsonType, keys(`"`+canary+`"`, `"null"`), Malformed, "lacks"},
		{"an empty secret key", 200, jsonType, keys(`"`+canary+`"`, `""`), Malformed, "lacks"},
		{"a missing secret key", 200, jsonType, `{"Credentials":{"AccessKeyId":"` + canary + `"}}`, Malformed, "lacks"},
		{"a number for a key", 200, jsonType, keys(`12345`, `"`+canary+`"`), Malformed, "not the JSON"},
		{"a temporary key without its token", 200, jsonType, keys(`"ASIA`+canary+`"`, `"s"`), Malformed, "SessionToken"},
		{"a temporary key with an empty token", 200, jsonType, `{"Credentials":{"AccessKeyId":"ASIA1","SecretAccessKey":"s","SessionToken":"","Token":null}}`, Malformed, "SessionToken"},
		{"an endless key", 200, jsonType, keys(`"`+strings.Repeat("A", 100_000)+`"`, `"s"`), Malformed, "longer"},

		{"a newline in a key", 200, jsonType, keys(`"`+canary+`\n[default]\nrole_arn=x"`, `"s"`), Unsafe, "control characters"},
		{"a NUL in a key", 200, jsonType, keys(`"A"`, `"`+canary+`\u0000"`), Unsafe, "control characters"},
		{"a comment in a key", 200, jsonType, keys(`"A"`, `"`+canary+` #"`), Unsafe, "control characters"},
		{"a newline in the token by its other name", 200, jsonType, `{"Credentials":{"AccessKeyId":"A","SecretAccessKey":"s","Token":"` + canary + `\n"}}`, Unsafe, "control characters"},
		{"a newline in the token", 200, jsonType, `{"Credentials":{"AccessKeyId":"A","SecretAccessKey":"s","SessionToken":"` + canary + `\r\n"}}`, Unsafe, "control characters"},

		{"an expired credential", 200, jsonType, good(`"2026-11-20T11:59:59Z"`), Expired, "expired"},
		{"a credential that expires right now", 200, jsonType, good(`"2026-11-20T12:00:00Z"`), Expired, "expired"},
		{"an expired credential with an offset", 200, jsonType, good(`"2026-11-20T13:00:00+02:00"`), Expired, "expired"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, bad := Judge(test.status, test.contentType, []byte(test.body), noon, time.Time{})
			if test.want == "" {
				if bad != nil {
					t.Fatalf("a good answer is refused: %v", bad)
				}
				if c.Validate() != nil {
					t.Error("the credential is not valid")
				}
				return
			}
			if bad == nil || bad.Class != test.want || bad.Status != test.status || !strings.Contains(bad.Message, test.says) {
				t.Fatalf("Judge gives %+v, want %s, status %d, that says %q", bad, test.want, test.status, test.says)
			}
			if c.AccessKeyID+c.SecretAccessKey+c.SessionToken != "" {
				t.Error("a refused answer comes with a credential")
			}
			if shown := fmt.Sprintf("%v %+v %s", bad, bad, bad.Error()); strings.Contains(shown, canary) {
				t.Errorf("a part of the body shows in %q", shown)
			}
		})
	}
}

func TestJudge_TellsHowTheExpiryIsKnown(t *testing.T) {
	one := noon.Add(time.Hour)
	for _, test := range []struct {
		name, expiration string
		want             awscreds.Expiry
	}{
		{"absent", ``, awscreds.Expiry{}},
		{"null", `null`, awscreds.Expiry{}},
		{"a text", `"2026-11-20T13:00:00Z"`, awscreds.ToldExpiry(one)},
		{"a number", `1795179600`, awscreds.ToldExpiry(one)},
		{"without a zone", `"2026-11-20T13:00:00"`, awscreds.Expiry{Provenance: awscreds.Zoneless, At: one}},
		{"without a zone, and dead if it were UTC", `"2026-11-20T09:00:00"`, awscreds.Expiry{Provenance: awscreds.Zoneless, At: noon.Add(-3 * time.Hour)}},
		{"no time", `"tomorrow"`, awscreds.Expiry{Provenance: awscreds.Unreadable}},
		{"another type", `{"a":1}`, awscreds.Expiry{Provenance: awscreds.Unreadable}},
		{"later than any credential lives", `"9999-12-31T23:59:59Z"`, awscreds.Expiry{Provenance: awscreds.Unreadable}},
		{"without a zone, and later than any credential lives", `"9999-12-31T23:59:59"`, awscreds.Expiry{Provenance: awscreds.Unreadable}},
		{"just at AWS's longest lifetime", `"2026-11-22T00:00:00Z"`, awscreds.ToldExpiry(noon.Add(36 * time.Hour))},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, bad := Judge(200, jsonType, []byte(good(test.expiration)), noon, noon)
			if bad != nil {
				t.Fatal(bad)
			}
			if c.Expiry != test.want {
				t.Errorf("Expiry %v, want %v", c.Expiry, test.want)
			}
		})
	}
}

func TestJudge_ReadsTheTokenByItsOtherName(t *testing.T) {
	for _, fields := range []string{`"Token":"t/+=="`, `"SessionToken":"t/+==","Token":"other"`, `"SessionToken":"","Token":"t/+=="`, `"SessionToken":null,"token":"t/+=="`} {
		c, bad := Judge(200, jsonType, []byte(`{"Credentials":{"AccessKeyId":"ASIA1","SecretAccessKey":"s",`+fields+`}}`), noon, noon)
		if bad != nil || c.SessionToken != "t/+==" {
			t.Errorf("%s: %v", fields, bad)
		}
	}
}

func TestJudge_TakesAGoodCredentialHoweverItIsWrapped(t *testing.T) {
	body := good(`"2026-11-20T13:00:00Z"`)
	for name, test := range map[string]struct{ contentType, body string }{
		"no type":             {"", body},
		"text/json":           {"text/json", body},
		"HAL":                 {"application/hal+json;charset=UTF-8", body},
		"plain text":          {"text/plain", body},
		"a framework's own":   {"text/html; charset=utf-8", body},
		"bytes":               {"application/octet-stream", "\r\n " + body},
		"a type that is none": {"json", body},
		"a byte order mark":   {jsonType, "\xef\xbb\xbf" + body},
		"gzip":                {jsonType, compressed(body)},
		"a mark within gzip":  {"text/json", compressed("\xef\xbb\xbf" + body)},
	} {
		if c, bad := Judge(200, test.contentType, []byte(test.body), noon, noon); bad != nil || c.Expiry != awscreds.ToldExpiry(noon.Add(time.Hour)) {
			t.Errorf("%s: %v", name, bad)
		}
	}
	if _, bad := Judge(200, jsonType, []byte(compressed(body+strings.Repeat(" ", 4*MaxBody))), noon, noon); bad == nil || bad.Class != Malformed || !strings.Contains(bad.Message, "larger") {
		t.Errorf("a small body that unpacks to a huge one: %v", bad)
	}
}

func compressed(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return b.String()
}

func TestEveryMessage_IsOneOrTwoSentencesOnItsOwn(t *testing.T) {
	seen := map[string]bool{}
	for status := 100; status < 600; status++ {
		for _, contentType := range []string{jsonType, "text/html"} {
			if _, bad := Judge(status, contentType, []byte("{"), noon, noon); bad != nil {
				seen[bad.Message] = true
			}
		}
	}
	for message := range seen {
		if !strings.HasSuffix(message, ".") || strings.Count(message, ". ") > 1 || strings.Contains(message, ";") {
			t.Errorf("%q is not one or two sentences", message)
		}
	}
}

func TestClasses_AreTheReasonsOfTheAPI(t *testing.T) {
	want := []string{v1alpha1.ReasonAuthenticationRefused, v1alpha1.ReasonRequestRejected, v1alpha1.ReasonRoleRefused, v1alpha1.ReasonAPIDisabled,
		v1alpha1.ReasonCAPUnavailable, v1alpha1.ReasonProxyUnavailable, v1alpha1.ReasonHandshakeFailed, v1alpha1.ReasonCAPUntrusted, v1alpha1.ReasonMalformedCredential, v1alpha1.ReasonCredentialExpired, v1alpha1.ReasonUnsafeCredential}
	for i, class := range Classes() {
		if string(class) != want[i] {
			t.Errorf("class %q, reason %q", class, want[i])
		}
		if r := class.Rhythm(); r.Base < time.Second || r.Max < r.Base || r.Max > 10*time.Minute {
			t.Errorf("class %s retries with %+v, want seconds to minutes", class, r)
		}
	}
	if RoleRefused.Rhythm().Base <= Unavailable.Rhythm().Base {
		t.Error("an answer that needs a person is retried as soon as a fault that passes by itself")
	}
	for reason, want := range map[CertificateReason]string{
		CertificateMissing: v1alpha1.ReasonCertificateMissing, CertificateInvalid: v1alpha1.ReasonCertificateInvalid,
		CertificateKeyEncrypted: v1alpha1.ReasonCertificateKeyEncrypted, CertificateKeyMismatch: v1alpha1.ReasonCertificateKeyMismatch,
		CertificateNotYetValid: v1alpha1.ReasonCertificateNotYetValid, CertificateExpired: v1alpha1.ReasonCertificateExpired,
	} {
		if string(reason) != want {
			t.Errorf("certificate reason %q, reason of the API %q", reason, want)
		}
	}
}

// FuzzJudge: whatever CAP answers, a credential is either good or absent, and messages use a fixed vocabulary and thus never quote the body.
func FuzzJudge(f *testing.F) {
	f.Add(200, jsonType, good(`"2026-11-20T13:00:00Z"`), int64(0))
	f.Add(200, jsonType, good(`"2026-11-20T10:00:00Z"`), int64(-3*time.Hour))
	f.Add(200, jsonType, good(`1795179600000`), int64(time.Hour))
	f.Add(200, jsonType, good(`"NaN"`), int64(0))
	f.Add(200, jsonType+"; charset", `{"credentials":{"ACCESSKEYID":"a","secretaccesskey":"b"}}`, int64(0))
	f.Add(200, jsonType, `{"status":503,"message":"zzzzzzzz"}`, int64(0))
	f.Add(200, "text/html", "<html>", int64(0))
	f.Add(200, "", "\xef\xbb\xbf"+good(`"Fri, 20 Nov 2026 13:00:00 GMT"`), int64(0))
	f.Add(200, "text/plain", compressed(good(`"2026-11-20T13:00:00Z[UTC]"`)), int64(0))
	f.Add(403, jsonType, `{}`, int64(0))
	known := map[string]bool{}
	f.Fuzz(func(t *testing.T, status int, contentType, body string, skew int64) {
		portal := noon.Add(time.Duration(skew))
		c, bad := Judge(status, contentType, []byte(body), noon, portal)
		if bad == nil {
			if status != 200 {
				t.Errorf("trusted status %d", status)
			}
			if err := c.Validate(); err != nil {
				t.Errorf("trusted a credential that is not valid: %v", err)
			}
			if e := c.Expiry; e.Provenance == awscreds.Told && !e.At.After(noon) || e.At.After(noon.Add(37*time.Hour)) {
				t.Errorf("trusted the expiry %v", e)
			}
			if end := c.Expiry.End(noon, time.Hour); !end.After(noon) || end.After(noon.Add(36*time.Hour)) {
				t.Errorf("it is relied on until %v", end)
			}
			return
		}
		if c.AccessKeyID+c.SecretAccessKey+c.SessionToken != "" {
			t.Error("a refused answer comes with a credential")
		}
		known[bad.Message] = true
		if len(known) > 64 {
			t.Errorf("more than 64 different messages: %q may quote the answer", bad.Message)
		}
	})
}
