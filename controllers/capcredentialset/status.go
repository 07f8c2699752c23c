package capcredentialset

import (
	"encoding/json"
	"fmt"
	"sort"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset/plan"
	"github.com/openshift/credential-rotation-operator/internal/conditions"
)

const (
	// maxRows is that of the API; what a person reads is at the top of them.
	maxRows = 200
	// maxRowsSize keeps the whole status well below 256 KiB, however long names and messages are.
	maxRowsSize = 192 << 10
	// maxRowMessage is a few sentences and a command.
	maxRowMessage = 1024
)

// fillStatus says what is known, without the conditions.
func (s *scope) fillStatus() {
	status := &s.set.Status
	before := map[v1alpha1.SecretReference]v1alpha1.CredentialTargetStatus{}
	for _, t := range status.Targets {
		before[v1alpha1.SecretReference{Namespace: t.Namespace, Name: t.Name}] = t
	}
	status.ObservedGeneration = s.set.Generation
	status.NotServed = int32(min(s.discovery.TimedToken, 1<<30))

	rows := make([]v1alpha1.CredentialTargetStatus, 0, len(s.plan.Rows))
	var fresh, expired int
	var earliest time.Time
	next := s.plan.Requested
	for i := range s.plan.Rows {
		r := &s.plan.Rows[i]
		if r.Result == v1alpha1.ReasonFresh {
			fresh++
		}
		old, was := before[v1alpha1.SecretReference{Namespace: r.Ref.Namespace, Name: r.Ref.Name}]
		if was && (r.Unread() || r.Forbidden) { // what was known is better than that it is not known now
			r.FetchedAt, r.ExpiresAt = goTime(old.RefreshedAt), goTime(old.ExpiresAt)
		}
		if dead(r.ExpiresAt, s.started) {
			expired++
		}
		earliest, next = plan.Earlier(earliest, r.ExpiresAt), plan.Earlier(next, r.Next)
		row := statusOf(r)
		if was && r.Unread() {
			row = old
		}
		rows = append(rows, row)
	}
	for _, old := range s.lastKnown() {
		if old.Result == v1alpha1.ReasonFresh {
			old.Result, old.Message, old.NextRefresh = s.partial.Reason, "It is not refreshed at present; Ready says why.", nil
		}
		earliest = plan.Earlier(earliest, goTime(old.ExpiresAt))
		rows = append(rows, old)
	}
	status.Credentials = fmt.Sprintf("%d/%d", fresh, len(rows))
	status.Expired = int32(min(expired, 1<<30))
	status.EarliestExpiry, status.NextRefresh = metaTime(earliest), metaTime(next)
	// Rows come in order of importance; those that need somebody go first.
	sort.SliceStable(rows, func(i, j int) bool {
		return rows[i].Result != v1alpha1.ReasonFresh && rows[j].Result == v1alpha1.ReasonFresh
	})
	status.Targets = bounded(rows)
	status.TargetsNotListed = int32(min(len(rows)-len(status.Targets), 1<<30))

	status.Proof = s.latestProof()
	status.ClientCertificate = nil
	if s.certificate != nil {
		status.ClientCertificate = &v1alpha1.ClientCertificateStatus{Subject: conditions.Shorten(s.certificate.Subject, 256), NotAfter: metaTime(s.certificate.NotAfter)}
	}
}

// statusOf is a row as the status shows it.
func statusOf(r *plan.Row) v1alpha1.CredentialTargetStatus {
	next := r.Next
	if r.Together { // it is the set's: one time in the status that changes, and not one in each row
		next = time.Time{}
	}
	return v1alpha1.CredentialTargetStatus{
		Namespace: r.Ref.Namespace, Name: r.Ref.Name, CredentialsRequest: r.Request, Role: r.Role,
		ExpiresAt: metaTime(r.ExpiresAt), RefreshedAt: metaTime(r.FetchedAt), NextRefresh: metaTime(next), Expiry: r.Expiry,
		Result: r.Result, Message: conditions.Shorten(r.Message, maxRowMessage),
	}
}

// bounded takes as many rows as a status should hold.
func bounded(rows []v1alpha1.CredentialTargetStatus) []v1alpha1.CredentialTargetStatus {
	size := 0
	for i := range rows {
		b, err := json.Marshal(rows[i])
		if err != nil {
			return rows[:i]
		}
		if size += len(b) + 1; i == maxRows || size > maxRowsSize {
			return rows[:i]
		}
	}
	return rows
}

// metaTime cuts to seconds, as the API does, so that a status that was read back compares equal.
func metaTime(t time.Time) *metav1.Time {
	if t.IsZero() {
		return nil
	}
	m := metav1.NewTime(t.UTC().Truncate(time.Second))
	return &m
}

// goTime is zero for none.
func goTime(t *metav1.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.Time
}

// trouble is what some rows have in common that are not fresh.
type trouble struct {
	reason, message string
	refs            []types.NamespacedName
	// expires is when the first of the credentials that these Secrets still hold dies; zero: not known.
	expires time.Time
	// dead is true when that has come to pass.
	dead bool
}

// troubles groups the rows that are not fresh by their reason, in the rows' order.
func troubles(rows []plan.Row, now time.Time) []trouble {
	var all []trouble
	at := map[string]int{}
	for i := range rows {
		r := &rows[i]
		if r.Result == v1alpha1.ReasonFresh {
			continue
		}
		n, ok := at[r.Result]
		if !ok {
			n = len(all)
			at[r.Result] = n
			all = append(all, trouble{reason: r.Result, message: r.Message})
		}
		all[n].refs = append(all[n].refs, r.Ref)
		all[n].expires = plan.Earlier(all[n].expires, r.ExpiresAt)
		all[n].dead = dead(all[n].expires, now)
	}
	return all
}

// String is one sentence for the condition: what, whom it concerns and how much time is left, and what to do.
func (t trouble) String() string {
	whom := listed(names(t.refs))
	if !t.expires.IsZero() {
		whom += "; what is there " + dies(t.expires, t.dead)
	}
	return fmt.Sprintf("%s (%s): %s", t.reason, whom, t.message)
}

// listed names the first few of many.
func listed(names []string) string {
	const shown = 3
	if len(names) <= shown {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:shown], ", "), len(names)-shown)
}

// dead says that the end of a credential's life is known and has come.
func dead(expires, now time.Time) bool { return !expires.IsZero() && !expires.After(now) }

// dies says when a credential expires, and calls dead what is dead.
func dies(expires time.Time, dead bool) string {
	at := expires.UTC().Format(time.RFC3339)
	if dead {
		return "has expired, at " + at
	}
	return "expires at " + at
}
