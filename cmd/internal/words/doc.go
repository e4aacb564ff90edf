// Package words says in plain English what a model says in YAML: what each rule is worth, when a lead is in which tier,
// what a new version of a model changes, and what happened to a lead. It is for people who use a model and do not read code.
package words
