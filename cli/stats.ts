export const addStats = (): void => undefined;
