package cli

import (
	"cmp"
	"fmt"
	"strings"
	"unicode"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// printable is a text without what a terminal would obey: people choose the names of clusters, others may write a status, and webhooks answer as they like.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
}

// switched says in one line how far the account's clusters are.
func (p *printer) switched(s *v1alpha1.SiblingsStatus) string {
	switch {
	case s == nil || s.AskedAt == nil:
		return ""
	case s.Switched == nil || s.NotSwitched == nil:
		return fmt.Sprintf("unknown: OCM does not say which clusters have switched (%s, asked %s)", s.Answer, p.ago(s.AskedAt))
	}
	return fmt.Sprintf("%d of %d clusters have switched (asked %s)", *s.Switched, *s.Switched+*s.NotSwitched, p.ago(s.AskedAt))
}

// siblings names the clusters that have not switched.
func (p *printer) siblings(s *v1alpha1.SiblingsStatus) {
	if s == nil {
		return
	}
	var rows [][]string
	for _, l := range s.Lagging {
		rows = append(rows, []string{cmp.Or(l.Name, l.ID), l.ID, p.when(l.OfferEndsAt)})
	}
	if s.NotSwitched != nil && int(*s.NotSwitched) > len(s.Lagging) {
		rows = append(rows, []string{fmt.Sprintf("and %d more", int(*s.NotSwitched)-len(s.Lagging))})
	}
	p.table([]string{"NOT SWITCHED", "ID", "OCM WAITS UNTIL"}, rows)
}
