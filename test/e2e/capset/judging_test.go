package capset

// Only a valid credential is written, each invalid response has a class, and each class its retry interval.

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/harness"
	"github.com/openshift/credential-rotation-operator/test/sim/cap"
	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
)

// bodyCanary is in the bodies of invalid responses, which must appear nowhere.
const bodyCanary = "tHe-BoDy-Of-An-AnSwEr"

// answers are the possible responses of CAP, or of a server in front of it, instead of a credential.
func answers(moved string) map[string]struct {
	fault cap.Fault
	class string
} {
	type answer = struct {
		fault cap.Fault
		class string
	}
	page := "<html>" + bodyCanary + "</html>"
	status := func(status int, contentType, body string) cap.Fault {
		return cap.Fault{Kind: cap.FaultAnswer, Status: status, ContentType: contentType, Body: body}
	}
	return map[string]answer{
		"a-page":                {cap.Fault{Kind: cap.FaultHTML, Body: page}, v1alpha1.ReasonAuthenticationRefused},
		"plain-text":            {status(200, "text/plain", bodyCanary), v1alpha1.ReasonAuthenticationRefused},
		"a-page-with-403":       {status(403, "text/html", page), v1alpha1.ReasonAuthenticationRefused},
		"json-without-a-type":   {status(200, "", `{"Credentials":{}}`), v1alpha1.ReasonMalformedCredential},
		"unauthorized":          {status(401, "application/json", `{"message":"`+bodyCanary+`"}`), v1alpha1.ReasonAuthenticationRefused},
		"redirect":              {cap.Fault{Kind: cap.FaultRedirect, Location: moved}, v1alpha1.ReasonAuthenticationRefused},
		"bad-request":           {cap.Fault{Kind: cap.FaultBadRequest, Body: bodyCanary}, v1alpha1.ReasonRequestRejected},
		"teapot":                {status(418, "text/html", page), v1alpha1.ReasonRequestRejected},
		"forbidden":             {cap.Fault{Kind: cap.FaultForbidden, Body: bodyCanary}, v1alpha1.ReasonRoleRefused},
		"disabled":              {cap.Fault{Kind: cap.FaultDisabled}, v1alpha1.ReasonAPIDisabled},
		"not-found":             {status(404, "text/html", page), v1alpha1.ReasonAPIDisabled},
		"rate-limited":          {cap.Fault{Kind: cap.FaultRateLimited, RetryAfter: "600", Body: bodyCanary}, v1alpha1.ReasonCAPUnavailable},
		"server-error":          {cap.Fault{Kind: cap.FaultServerError, Body: bodyCanary}, v1alpha1.ReasonCAPUnavailable},
		"bad-gateway":           {cap.Fault{Kind: cap.FaultBadGateway, Body: page}, v1alpha1.ReasonCAPUnavailable},
		"disconnect":            {cap.Fault{Kind: cap.FaultDisconnect}, v1alpha1.ReasonCAPUnavailable},
		"lost-answer":           {cap.Fault{Kind: cap.FaultLostAnswer}, v1alpha1.ReasonCAPUnavailable},
		"hang":                  {cap.Fault{Kind: cap.FaultHang}, v1alpha1.ReasonCAPUnavailable},
		"slow":                  {cap.Fault{Kind: cap.FaultDelay, Delay: simctl.Duration(time.Hour)}, v1alpha1.ReasonCAPUnavailable},
		"no-content":            {status(204, "application/json", ""), v1alpha1.ReasonMalformedCredential},
		"empty":                 {cap.Fault{Kind: cap.FaultEmpty}, v1alpha1.ReasonMalformedCredential},
		"huge":                  {cap.Fault{Kind: cap.FaultHuge}, v1alpha1.ReasonMalformedCredential},
		"truncated":             {cap.Fault{Kind: cap.FaultTruncated}, v1alpha1.ReasonMalformedCredential},
		"no-json":               {status(200, "application/json", bodyCanary), v1alpha1.ReasonMalformedCredential},
		"other-json":            {status(200, "application/json", `{"`+bodyCanary+`":"`+bodyCanary+`"}`), v1alpha1.ReasonMalformedCredential},
		"an-error-in-a-200":     {status(200, "application/json", `{"status":403,"message":"`+bodyCanary+`"}`), v1alpha1.ReasonRoleRefused},
		"wrong-shape":           {cap.Fault{Kind: cap.FaultWrongShape}, v1alpha1.ReasonMalformedCredential},
		"null-keys":             {cap.Fault{Kind: cap.FaultNullKeys}, v1alpha1.ReasonMalformedCredential},
		"empty-keys":            {cap.Fault{Kind: cap.FaultEmptyKeys}, v1alpha1.ReasonMalformedCredential},
		"expired":               {cap.Fault{Kind: cap.FaultExpired}, v1alpha1.ReasonCredentialExpired},
		"newline-in-the-id":     {cap.Fault{Kind: cap.FaultNewline, Field: "AccessKeyId"}, v1alpha1.ReasonUnsafeCredential},
		"newline-in-the-secret": {cap.Fault{Kind: cap.FaultNewline, Field: "SecretAccessKey"}, v1alpha1.ReasonUnsafeCredential},
		"newline-in-the-token":  {cap.Fault{Kind: cap.FaultNewline, Field: "SessionToken"}, v1alpha1.ReasonUnsafeCredential},
	}
}

// One role has each fault in turn: its Secret keeps the working credential, its row shows the failure, and it is refreshed once the
// fault is gone.
func TestJudging_NoInvalidResponseIsWrittenAndEachHasItsClass(t *testing.T) {
	var followed atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Add(1) }))
	t.Cleanup(elsewhere.Close)
	all := answers(elsewhere.URL + "/login")

	const namespace, bad, good = "many", "bad", "good"
	w := newCAPWorld(t, time.Hour)
	w.more = harness.Canaries{"the body of an invalid response": bodyCanary}
	w.cap.AddRole(good, "333333333333")
	w.cap.AddRole(bad, "333333333333")
	w.grant(namespace, bad, good)
	w.start()
	w.create(func(s *v1alpha1.CAPCredentialSet) {
		s.Spec.CredentialsRequests.Selector = &v1alpha1.LabelSelector{MatchLabels: map[string]string{"nobody": "has-this"}}
		s.Spec.Secrets = []v1alpha1.SecretRole{ownSecretRef(namespace, bad, bad), ownSecretRef(namespace, good, good)}
		s.Spec.Endpoint.Timeout = &metav1.Duration{Duration: 5 * time.Second} // for those that hang; the huge one may need one or two
	})
	w.eventuallyReady(v1alpha1.ReasonFresh, "2/2")
	version := w.secret(namespace, bad).ResourceVersion

	// In sequence, because a failure of the whole portal pauses other roles.
	for name, a := range all {
		count := func() float64 {
			n, err := w.metric(t.Context(), "credential_rotation_refresh_failures_total", `role="`+bad+`"`, `reason="`+a.class+`"`)
			if err != nil {
				return 0 // the series exists only from the first failure on
			}
			return n
		}
		before := count()
		a.fault.Role = bad
		w.cap.Heal()
		must(t, w.cap.Break(a.fault))
		w.requestRefresh()
		w.eventually(name+" is reported as "+a.class, func(ctx context.Context) error {
			set, err := w.read(ctx)
			if err != nil {
				return err
			}
			if row := rowOf(set, namespace, bad); row.Result != a.class || row.Message == "" || count() <= before {
				return fmt.Errorf("%s (%s), counted %v times, before %v", row.Result, row.Message, count(), before)
			}
			return nil
		})
		if w.secret(namespace, bad).ResourceVersion != version {
			t.Errorf("%s: the Secret was written", name)
			version = w.secret(namespace, bad).ResourceVersion
		}
	}
	if n := followed.Load(); n != 0 {
		t.Errorf("a redirect was followed %d times", n)
	}
	w.cap.Heal()
	w.eventuallyRefreshed(w.requestRefresh())
}

// Transient failures are retried soon, those that a user must fix less and less often: this shows in each role's next retry, and in
// the number of requests to CAP until the first retry.
func TestJudging_EachClassHasItsOwnRetryInterval(t *testing.T) {
	w := newCAPWorld(t, 10*time.Hour) // far from its expiry, which would shorten the interval
	secrets := map[string][2]string{  // one Secret per role
		"malformed": {"openshift-machine-api", "aws-cloud-credentials"},
		"refused":   {"openshift-image-registry", "installer-cloud-credentials"},
		"rejected":  {csiNamespace, "ebs-cloud-credentials"},
	}
	for role := range secrets {
		w.cap.AddRole(role, "333333333333")
	}
	w.start()
	w.create(func(s *v1alpha1.CAPCredentialSet) {
		s.Spec.CredentialsRequests.Roles = nil
		for role, request := range map[string]string{
			"malformed": "openshift-machine-api-aws", "refused": "openshift-image-registry", "rejected": "aws-ebs-csi-driver-operator",
		} {
			s.Spec.CredentialsRequests.Roles = append(s.Spec.CredentialsRequests.Roles, v1alpha1.RequestRole{Name: request, Role: role})
		}
	})
	w.eventuallyFresh()
	must(t, w.cap.Break(
		cap.Fault{Kind: cap.FaultEmpty, Role: "malformed"}, cap.Fault{Kind: cap.FaultForbidden, Role: "refused"},
		cap.Fault{Kind: cap.FaultBadRequest, Role: "rejected"},
	))
	w.cap.ResetCounts()
	w.requestRefresh()
	w.eventuallyReady(v1alpha1.ReasonRefreshFailing, "4/7")
	for _, secret := range secrets { // Failing as the condition shows, and none still waiting for its request.
		w.eventually("its role has been requested", func(ctx context.Context) error {
			set, err := w.read(ctx)
			if err != nil {
				return err
			}
			if row := rowOf(set, secret[0], secret[1]); row.Result == v1alpha1.ReasonAwaitingRefresh {
				return errors.New(row.Message)
			}
			return nil
		})
	}
	set := w.eventuallyReady(v1alpha1.ReasonRefreshFailing, "4/7")
	next := map[string]time.Time{}
	for role, secret := range secrets {
		row := rowOf(set, secret[0], secret[1])
		if row.NextRefresh == nil { // it waits for the portal with all others
			t.Fatalf("role %s has no retry interval of its own: %s: %s", role, row.Result, row.Message)
		}
		next[role] = row.NextRefresh.Time
	}
	for _, pair := range [][2]string{{"malformed", "refused"}, {"malformed", "rejected"}} {
		if !next[pair[0]].Before(next[pair[1]]) {
			t.Errorf("role %s is retried at %s, %s at %s; want the reverse order", pair[0], next[pair[0]], pair[1], next[pair[1]])
		}
	}

	w.eventually("the role with the transient failure is requested again", func(context.Context) error {
		if n := w.cap.Counts().ByRole["malformed"]; n < 2 {
			return fmt.Errorf("%d calls", n)
		}
		return nil
	})
	counts := w.cap.Counts().ByRole
	if counts["refused"] != 1 || counts["rejected"] != 1 {
		t.Errorf("meanwhile %v requests to CAP: roles that a user must fix were retried too soon", counts)
	}
	asked := w.cap.Requests()
	last := asked[len(asked)-1]
	w.eventually("its wait is longer than the first, of at most five seconds", func(ctx context.Context) error {
		set, err := w.read(ctx)
		if err != nil {
			return err
		}
		row := rowOf(set, "openshift-machine-api", "aws-cloud-credentials")
		if row.NextRefresh.Time.Before(last.Time.Add(6 * time.Second)) {
			return fmt.Errorf("requested at %s, and again at %s", last.Time, row.NextRefresh)
		}
		return nil
	})
	// After a fix there is no wait: a changed spec is tried at once.
	w.cap.Heal()
	w.edit(func(s *v1alpha1.CAPCredentialSet) { s.Spec.Endpoint.MaxConcurrentRequests = 2 })
	w.eventuallyFresh()
}
