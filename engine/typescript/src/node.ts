/** What only Node can use. */

export {};
