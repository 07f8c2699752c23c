// Package docs holds the pages of the documentation that the program itself prints.
package docs

import _ "embed"

// Reasons is reasons.md: each reason of a condition, with its meaning, its impact and what to do.
//
//go:embed reasons.md
var Reasons string
