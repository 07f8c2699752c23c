package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// outputFlag adds -o, with the formats besides the one for people.
func outputFlag(cmd *cobra.Command, output *string, formats []string) {
	cmd.Flags().StringVarP(output, "output", "o", "", "format of the output, if not the usual text: "+strings.Join(formats, ", "))
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp)) // the flag exists
}

// knownOutput refuses a format that is not one of these.
func knownOutput(output string, formats []string) error {
	if output != "" && !slices.Contains(formats, output) {
		return fmt.Errorf("-o %s is not known: use %s", output, strings.Join(formats, ", "))
	}
	return nil
}

// printJSON prints for programs, in lines that people can read too.
func printJSON(out io.Writer, what any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(what)
}
