package bootstrap

import (
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/internal/command"
)

// report lists the written files and their contents. It says once what is true of many roles.
func (i *install) report(out, errOut io.Writer, objects []object, credentials map[string]awscreds.Credential) {
	for _, o := range objects {
		fmt.Fprintf(out, "%s: %s\n", filepath.Join(i.output, o.filename()), o.describe())
	}
	if i.monitoring != "" {
		fmt.Fprintf(out, "%s: metrics and alerts, to apply once the cluster is up\n", i.monitoring)
	}
	now := i.clock.Now()
	for _, group := range together(credentials, func(c awscreds.Credential) string { return expiryInWords(c, now) }) {
		fmt.Fprintf(out, "Fetched for %s; %s.\n", group.roles, group.words)
	}
	for _, group := range together(credentials, remarks) {
		if group.words != "" {
			warn(errOut, group.roles+": "+group.words)
		}
	}
	if !i.fetch {
		fmt.Fprintf(out, "The Secrets hold no credentials yet: `%s` fills them, or the operator does once it runs.\n", i.seedCommand())
	}
}

// roleGroup are roles with the same remarks.
type roleGroup struct{ roles, words string }

// together groups roles by the remarks on their credentials.
func together(credentials map[string]awscreds.Credential, say func(awscreds.Credential) string) []roleGroup {
	byWords := map[string][]string{}
	for _, role := range slices.Sorted(maps.Keys(credentials)) {
		words := say(credentials[role])
		byWords[words] = append(byWords[words], role)
	}
	var groups []roleGroup
	for _, words := range slices.Sorted(maps.Keys(byWords)) {
		noun := "the role "
		if len(byWords[words]) > 1 {
			noun = "the roles "
		}
		groups = append(groups, roleGroup{noun + strings.Join(byWords[words], ", "), words})
	}
	return groups
}

// seedCommand is the command that fetches credentials for the written files.
func (i *install) seedCommand() string {
	return command.Line{"credential-rotation-operator", "seed", "--manifests", i.output}.String()
}

// next says what to do after this command.
func (i *install) next() string {
	dir := filepath.Dir(filepath.Clean(i.output))
	text := "\nNext: " + command.Line{"openshift-install", "create", "cluster", "--dir", dir}.String() + "\n"
	if i.monitoring != "" {
		return text + "Then, for metrics and alerts: " + command.Line{"oc", "apply", "-f", i.monitoring}.String() + "\n"
	}
	return text
}
