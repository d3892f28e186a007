// jsx.js - what JSX is compiled to; given to every file by the build.
export { Fragment, h } from 'preact';
