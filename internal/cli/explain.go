package cli

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/openshift/credential-rotation-operator/docs"
)

// explanation is the section about one reason in docs/reasons.md.
type explanation struct {
	reason, chapter, meaning, impact, action string
}

func newExplainCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "explain [REASON]",
		Short: "Explain what the reason of a condition, an event or an alert means, and what to do",
		Long: "Explain what the reason of a condition, an event or an alert means, what it affects, and what to do. Without REASON it lists all reasons.\n" +
			"The text is that of docs/reasons.md. The command needs neither a cluster nor a network.",
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return reasonNames(explanations(docs.Reasons)), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			all := explanations(docs.Reasons)
			if len(args) == 0 {
				return listReasons(cmd.OutOrStdout(), all)
			}
			return explain(cmd.OutOrStdout(), all, args[0])
		},
	}
}

func explain(out io.Writer, all []explanation, name string) error {
	at := slices.IndexFunc(all, func(e explanation) bool { return strings.EqualFold(e.reason, name) })
	if at < 0 {
		return fmt.Errorf("there is no reason %q: run explain without an argument for the list%s", name, similar(all, name))
	}
	e := all[at]
	_, err := fmt.Fprintf(out, "%s (%s)\n\n%s\n\nImpact\n%s\n\nWhat to do\n%s\n", e.reason, e.chapter,
		wrap(e.meaning, ""), wrap(e.impact, "  "), wrap(e.action, "  "))
	return err
}

// similar returns the reasons that contain the argument.
func similar(all []explanation, name string) string {
	var alike []string
	for _, e := range all {
		if strings.Contains(strings.ToLower(e.reason), strings.ToLower(name)) {
			alike = append(alike, e.reason)
		}
	}
	if len(alike) == 0 || name == "" {
		return ""
	}
	return "; similar: " + strings.Join(alike, ", ")
}

func listReasons(out io.Writer, all []explanation) error {
	chapter := ""
	for _, e := range all {
		if e.chapter != chapter {
			if chapter != "" {
				_, _ = fmt.Fprintln(out)
			}
			chapter = e.chapter
			_, _ = fmt.Fprintln(out, chapter)
		}
		if _, err := fmt.Fprintln(out, wrapHanging(e.meaning, fmt.Sprintf("  %-28s", e.reason), 30)); err != nil {
			return err
		}
	}
	return nil
}

func reasonNames(all []explanation) []string {
	names := make([]string, 0, len(all))
	for _, e := range all {
		names = append(names, e.reason)
	}
	return names
}

var markdownLink = regexp.MustCompile(`\[([^\]]+)\]\([^)]+\)`)

// plain removes the Markdown from a sentence.
func plain(text string) string {
	return strings.ReplaceAll(markdownLink.ReplaceAllString(strings.TrimSpace(text), "$1"), "`", "")
}

// explanations parses docs/reasons.md: chapters with a heading for each reason, followed by its meaning, its impact and what to do.
func explanations(page string) []explanation {
	var all []explanation
	chapter := ""
	for _, line := range strings.Split(page, "\n") {
		if title, ok := strings.CutPrefix(line, "## "); ok {
			chapter = title
			continue
		}
		if name, ok := strings.CutPrefix(line, "### `"); ok {
			all = append(all, explanation{reason: strings.TrimSuffix(name, "`"), chapter: chapter})
			continue
		}
		if len(all) == 0 {
			continue // the page's introduction
		}
		e := &all[len(all)-1]
		if impact, ok := strings.CutPrefix(line, "- **Impact:** "); ok {
			e.impact = plain(impact)
		} else if action, ok := strings.CutPrefix(line, "- **What to do:** "); ok {
			e.action = plain(action)
		} else if e.impact == "" {
			e.meaning = plain(e.meaning + " " + line)
		}
	}
	return all
}
