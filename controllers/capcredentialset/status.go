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
	// maxRows is the API's limit. Beyond maxFresh only rows that need somebody are listed: each row makes every later write of the set dearer.
	maxRows, maxFresh = 200, 50
	// maxRowsSize keeps the whole status well below 256 KiB, however long names and messages are.
	maxRowsSize = 192 << 10
	// maxRowMessage is enough for a few sentences and a command.
	maxRowMessage = 1024
)

// fillStatus fills in the status without the conditions.
func (s *scope) fillStatus() {
	status := &s.set.Status
	before := map[v1alpha1.SecretReference]v1alpha1.CredentialTargetStatus{}
	for _, t := range s.rowsBefore() {
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
		if was && (r.Unread() || r.Forbidden) { // the last known state is better than none
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
			old.Result, old.Message, old.NextRefresh = s.partial.Reason, "It is currently not refreshed; see the condition Ready.", nil
		}
		earliest = plan.Earlier(earliest, goTime(old.ExpiresAt))
		rows = append(rows, old)
	}
	status.Credentials = fmt.Sprintf("%d/%d", fresh, len(rows))
	status.Expired = int32(min(expired, 1<<30))
	status.EarliestExpiry, status.NextRefresh = metaTime(earliest), metaTime(next)
	// Rows are in order of importance; those that need somebody come first.
	sort.SliceStable(rows, func(i, j int) bool {
		return rows[i].Result != v1alpha1.ReasonFresh && rows[j].Result == v1alpha1.ReasonFresh
	})
	s.rows, status.Targets = rows, bounded(rows)
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
	if r.Together { // the time is the set's, so that only one time in the status changes, and not one in each row
		next = time.Time{}
	}
	return v1alpha1.CredentialTargetStatus{
		Namespace: r.Ref.Namespace, Name: r.Ref.Name, CredentialsRequest: r.Request, Role: r.Role,
		ExpiresAt: metaTime(r.ExpiresAt), RefreshedAt: metaTime(r.FetchedAt), NextRefresh: metaTime(next), Expiry: r.Expiry,
		Result: r.Result, Message: conditions.Shorten(r.Message, maxRowMessage),
	}
}

// bounded limits the number of rows in the status, of which the fresh ones come last.
func bounded(rows []v1alpha1.CredentialTargetStatus) []v1alpha1.CredentialTargetStatus {
	size := 0
	for i := range rows {
		b, err := json.Marshal(rows[i])
		if err != nil {
			return rows[:i]
		}
		size += len(b) + 1
		if i == maxRows || i >= maxFresh && rows[i].Result == v1alpha1.ReasonFresh || size > maxRowsSize {
			return rows[:i]
		}
	}
	return rows
}

// metaTime truncates to seconds, as the API does, so that a status that was read back compares equal.
func metaTime(t time.Time) *metav1.Time {
	if t.IsZero() {
		return nil
	}
	m := metav1.NewTime(t.UTC().Truncate(time.Second))
	return &m
}

// goTime is zero for nil.
func goTime(t *metav1.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.Time
}

// trouble is a common problem of some rows that are not fresh.
type trouble struct {
	reason, message string
	refs            []types.NamespacedName
	// expires is when the first credential in these Secrets expires; zero if unknown.
	expires time.Time
	// dead is true if it has expired.
	dead bool
}

// troubles groups the rows that are not fresh by reason, in the rows' order.
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

// String is one sentence for the condition: the problem, the Secrets, the remaining time, and what to do.
func (t trouble) String() string {
	whom := listed(names(t.refs))
	if !t.expires.IsZero() {
		whom += "; the current credential " + dies(t.expires, t.dead)
	}
	return fmt.Sprintf("%s (%s): %s", t.reason, whom, t.message)
}

// listed names the first few of many.
func listed(names []string) string {
	if len(names) <= shown {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:shown], ", "), len(names)-shown)
}

// shown is how many of many are named.
const shown = 3

// dead is true if a credential is known to have expired.
func dead(expires, now time.Time) bool { return !expires.IsZero() && !expires.After(now) }

// dies says when a credential expires or has expired.
func dies(expires time.Time, dead bool) string {
	at := expires.UTC().Format(time.RFC3339)
	if dead {
		return "has expired, at " + at
	}
	return "expires at " + at
}
