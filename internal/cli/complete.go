package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// completionTimeout limits how long a shell waits for names.
const completionTimeout = 3 * time.Second

// completeNames completes the name of one object. Without a cluster it returns none and no error, because a shell could not show it.
func completeNames(env environment, lists ...func() client.ObjectList) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		var names []string
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		c, err := env.connect()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx := cmd.Context()
		if ctx == nil {
			ctx = context.Background()
		}
		ctx, cancel := context.WithTimeout(ctx, completionTimeout)
		defer cancel()
		for _, empty := range lists {
			list := empty()
			if c.List(ctx, list) != nil {
				continue
			}
			objects, err := meta.ExtractList(list)
			if err != nil {
				continue
			}
			for _, o := range objects {
				if m, err := meta.Accessor(o); err == nil && strings.HasPrefix(m.GetName(), begun) {
					names = append(names, m.GetName())
				}
			}
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

// oneName requires the name of exactly one object.
func oneName(kind, list string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 {
			return nil
		}
		return fmt.Errorf("%s needs the name of one %s, and got %d: `%s` lists them", cmd.Name(), kind, len(args), list)
	}
}
